/**
 * What a person sees while something long runs: a bar on a terminal, now and then a line elsewhere.
 */
import { type Options, SingleBar } from "cli-progress";
import { duration } from "../table.ts";

/** A running display. */
export interface ProgressDisplay {
  /** @param detail  what to show beside the count */
  update(done: number, detail?: string): void;
  /** A line of its own, above the bar. */
  line(text: string): void;
  stop(): void;
}

const LINE_EVERY_MS = 10_000; // off a terminal

/** A detail behind the count. */
const behind = (detail: string) => (detail === "" ? "" : ` · ${detail}`);

function plainDisplay(title: string, total: number): ProgressDisplay {
  const begun = performance.now();
  let shown = begun;
  return {
    update(done, detail = "") {
      const now = performance.now();
      if (now - shown < LINE_EVERY_MS || done === 0) return;
      shown = now;
      const left = ((now - begun) / 1000) * (total / done - 1);
      console.log(`${title} ${done}/${total}${behind(detail)} · ${duration(left)} left`);
    },
    line: (text) => console.log(text),
    stop: () => undefined,
  };
}

/**
 * Begin a display of `total` steps.
 *
 * @param title  what is being done
 */
export function showProgress(title: string, total: number): ProgressDisplay {
  if (!process.stdout.isTTY) return plainDisplay(title, total);
  const options: Options = {
    format: `${title} {bar} {percentage}% · {value}/{total}{detail} · {eta_formatted} left`,
    hideCursor: true,
    clearOnComplete: true,
    stream: process.stdout,
    etaBuffer: 50,
    barsize: 24,
    gracefulExit: false,
  };
  const bar = new SingleBar(options);
  bar.start(total, 0, { detail: "" });
  return {
    update: (done, detail = "") => bar.update(done, { detail: behind(detail) }),
    line(text) {
      bar.stop();
      console.log(text);
      bar.start(total, bar.getProgress() * total, { detail: "" });
    },
    stop: () => bar.stop(),
  };
}
