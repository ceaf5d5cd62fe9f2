/**
 * A look that may fail for a while: what was seen last is given again, at first `nothing`. Throws the error once looks have failed
 * for longer than `patience` milliseconds.
 */
export function patiently<T>(nothing: T, patience: number, look: () => Promise<T>): () => Promise<T> {
  let last = nothing;
  let failing: number | undefined;
  return async () => {
    try {
      last = await look();
      failing = undefined;
    } catch (error) {
      failing ??= Date.now();
      if (Date.now() - failing > patience) throw error;
    }
    return last;
  };
}
