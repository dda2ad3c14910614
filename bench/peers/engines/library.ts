/** Runners of libraries whose ops are functions from arrays on the device to such arrays. */
import { type Named, type Runner, timed } from "../job.ts";

/** What differs from library to library; T is its array. */
export interface Library<T> {
  /** Ask for the results; does not wait. */
  readonly call: (operands: Named<T>) => Named<T>;
  /** Wait until the device has made them. */
  readonly done: (results: Named<T>) => Promise<unknown>;
  readonly read: (result: T) => Promise<ArrayLike<number>>;
  readonly dispose: (array: T) => void;
  /** Throws if the device has reported an error. */
  readonly check: () => void;
}

/**
 * A runner over operands on the device.
 *
 * @param operands  given away: results take the places of those whose names they have
 */
export function runnerOf<T>(library: Library<T>, operands: Named<T>): Runner {
  const held: Record<string, T> = { ...operands };
  const finish = (results: Named<T>) => {
    for (const [name, result] of Object.entries(results)) {
      library.dispose(held[name] ?? result);
      if (name in held) held[name] = result;
    }
    library.check();
  };
  return {
    async run() {
      let results: Named<T> = {};
      const timeMs = await timed(() => {
        results = library.call(held);
        return library.done(results);
      });
      finish(results);
      return timeMs;
    },
    async results() {
      const results = library.call(held);
      const found: Record<string, Float32Array> = {};
      for (const [name, result] of Object.entries(results))
        found[name] = Float32Array.from(await library.read(result));
      finish(results);
      return found;
    },
    close() {
      for (const array of Object.values(held)) library.dispose(array);
    },
  };
}
