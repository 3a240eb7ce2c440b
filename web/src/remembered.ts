// What the browser remembers of this page; without storage it is forgotten at the reload.

const PREFIX = "riffkit.";

export const remembered = {
  get<T>(name: string, otherwise: T): T {
    try {
      const text = localStorage.getItem(PREFIX + name);
      return text === null ? otherwise : (JSON.parse(text) as T);
    } catch {
      return otherwise;
    }
  },
  set<T>(name: string, value: T): void {
    try {
      localStorage.setItem(PREFIX + name, JSON.stringify(value));
    } catch {
      // private windows may have no room
    }
  },
};
