/** The engine's public face: `import { … } from "roclip/engine"`. */
export type { AdapterChoice } from "./adapter.ts";
export { type Device, openDevice } from "./device.ts";
export { grad, vjp } from "./grad.ts";
export {
  constant,
  type Dtype,
  type HostArray,
  type HostData,
  input,
  launch,
  product,
  state,
  stopGradient,
  type Tensor,
  view,
  withGrad,
} from "./graph.ts";
export { describe, hold, overwrite, release, type Sharing } from "./held.ts";
export * from "./ops/index.ts";
export {
  adamWInit,
  adamWSchedule,
  adamWUpdate,
  averageRate,
  averageUpdate,
  lossScaleInit,
  sgdUpdate,
} from "./optim.ts";
export { type Limits, type Outline, outline } from "./outline.ts";
export { compile, type Plan, type PlanOptions, type Program } from "./plan.ts";
export type { Timing } from "./profile.ts";
export { fold, type Key, keyOf, philox, type Stream, stream } from "./random.ts";
export { readState } from "./read.ts";
export { recompute } from "./recompute.ts";
export { roofTimes } from "./roof.ts";
export { match, ShapeError, shapeError } from "./shape.ts";
export { leaves, type Mapped, mapTree, rebuild, type Tree } from "./tree.ts";
export {
  gainOf,
  median,
  type Pair,
  type Tuned,
  type TuneOptions,
  type TuneRow,
  tune,
} from "./tune.ts";
export { keepTuned, loadTuned } from "./tuned.ts";
