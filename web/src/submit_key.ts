// Ctrl+Enter (⌘+Enter) starts what a form is for, from any of its fields.

export function onSubmitKey(element: EventTarget, run: () => void): void {
  element.addEventListener("keydown", (event) => {
    const { key, ctrlKey, metaKey, repeat } = event as KeyboardEvent;
    if (key !== "Enter" || !(ctrlKey || metaKey)) return;
    event.preventDefault();
    if (!repeat) run();
  });
}
