/** The pool search: for every query the most similar row of a large pool, without their scores. */
import {
  compile,
  constant,
  keyOf,
  nearest,
  openDevice,
  stream,
  unitRows,
} from "../engine/index.ts";

const draws = stream(keyOf(1));
const rows = (count: number) =>
  unitRows(
    constant(
      Float32Array.from({ length: count * 64 }, () => draws.normal()),
      [count, 64],
    ),
  );

const device = await openDevice();
const { index, score } = nearest(rows(8), rows(10_000));
const plan = await compile(device, { outputs: { index, score } });
plan.run();
const found = await plan.read();
console.log("rows", found.index);
console.log("cosines", found.score);
console.log(`${plan.memory.peakBytes} bytes; all scores would take ${8 * 10_000 * 4}`);
device.close();
