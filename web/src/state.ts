// A tiny observable store.
//
//   const volume = signal(1);
//   const off = volume.on((v) => draw(v));   // called at each change; `now: true` also at once
//   volume.set(0.5);
//   off();

export interface Signal<T> {
  get(): T;
  /** Sets the value; those who listen are told unless it is the same value (Object.is). */
  set(value: T): void;
  update(change: (value: T) => T): void;
  /** Listens to changes. Returns a function that ends it. */
  on(told: (value: T) => void, how?: { now?: boolean }): () => void;
}

export function signal<T>(first: T): Signal<T> {
  let value = first;
  const listeners = new Set<(value: T) => void>();
  return {
    get: () => value,
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      for (const told of [...listeners]) told(value);
    },
    update(change) {
      this.set(change(value));
    },
    on(told, how) {
      listeners.add(told);
      if (how?.now) told(value);
      return () => listeners.delete(told);
    },
  };
}
