// Asks for the server's token, where it has one.

import type { Api } from "./api";
import { el } from "./dom";

/** Resolves once the server knows us. */
export async function signedIn(api: Api, root: HTMLElement): Promise<void> {
  const session = await api.session().catch(() => null);
  if (!session || !session.token_needed || session.signed_in) return;
  await asked(api, root);
}

let asking: Promise<void> | null = null;

export function asked(api: Api, root: HTMLElement): Promise<void> {
  asking ??= ask(api, root).finally(() => {
    asking = null;
  });
  return asking;
}

function ask(api: Api, root: HTMLElement): Promise<void> {
  return new Promise((resolve) => {
    const wrong = el("p", { class: "note bad", role: "alert" });
    const token = el("input", { id: "token", type: "password", autocomplete: "current-password", required: true, "data-testid": "token" });
    const form = el(
      "form", { class: "stack" },
      el("h2", { id: "signin" }, "This studio has a token"),
      el("p", { class: "muted" }, "It was set where the studio was started. It is asked for once."),
      el("div", { class: "field" }, el("label", { for: "token" }, "Token"), token), wrong,
      el("button", { class: "button primary" }, "Continue"),
    );
    const dialog = el("dialog", { "aria-labelledby": "signin" }, form);
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      api.login(token.value.trim()).then(
        () => {
          dialog.remove();
          resolve();
        },
        (error: Error) => {
          wrong.textContent = error.message;
          token.select();
        },
      );
    });
    root.append(dialog);
    dialog.showModal();
  });
}
