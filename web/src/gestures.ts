// Presses, drags and pinches on an element, for mouse, pen and fingers alike.

export interface Gestures<Place> {
  place(event: PointerEvent): Place & { x: number };
  /** A press begins; what is returned gets its moves and its end. */
  press(event: PointerEvent, place: Place): ((event: PointerEvent, place: Place) => void) | null;
  /** Two fingers moved: their distance changed by a factor, around x. */
  pinch(factor: number, x: number): void;
  /** The pointer is somewhere, pressed or not; null: it has left. */
  move(place: Place | null, pressed: boolean): void;
}

/** Listens to an element. Returns a function that says whether it is pressed. */
export function listenToGestures<Place>(
  element: HTMLElement, gestures: Gestures<Place>,
): () => boolean {
  const pressed = new Map<number, Place & { x: number }>();
  let moves: ((event: PointerEvent, place: Place) => void) | null = null;
  let apart = 0;
  element.addEventListener("pointerdown", (event) => {
    if (event.button > 0) return;
    const place = gestures.place(event);
    pressed.set(event.pointerId, place);
    element.setPointerCapture(event.pointerId);
    if (pressed.size === 2) {
      moves = null;
      apart = 0;
    } else moves = gestures.press(event, place);
    event.preventDefault();
  });
  element.addEventListener("pointermove", (event) => {
    const place = gestures.place(event);
    if (pressed.has(event.pointerId)) pressed.set(event.pointerId, place);
    if (pressed.size === 2) {
      const [a, b] = [...pressed.values()].map((p) => p.x) as [number, number];
      const now = Math.max(20, Math.abs(a - b));
      if (apart) gestures.pinch(now / apart, (a + b) / 2);
      apart = now;
    } else moves?.(event, place);
    gestures.move(place, moves !== null || pressed.size > 1);
  });
  for (const name of ["pointerup", "pointercancel"] as const) {
    element.addEventListener(name, (event) => {
      pressed.delete(event.pointerId);
      moves?.(event, gestures.place(event));
      if (!pressed.size) moves = null;
    });
  }
  element.addEventListener("pointerleave", () => gestures.move(null, false));
  return () => pressed.size > 0;
}
