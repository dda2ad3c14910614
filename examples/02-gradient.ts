/** Fit y = w x by gradient descent: state on the device, gradients, in-place updates by AdamW. */
import {
  adamWInit,
  adamWSchedule,
  adamWUpdate,
  add,
  compile,
  grad,
  hold,
  input,
  mean,
  multiply,
  openDevice,
  readState,
  scale,
} from "../engine/index.ts";

const STEPS = 200;
const SETTINGS = { beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0 };

const device = await openDevice();
const start = { weight: { shape: [3], data: Float32Array.of(0, 0, 0) } };
const params = hold(device, start);
const moments = hold(device, adamWInit(start));

const x = input("x", [64, 3]);
const y = input("y", [64, 3]);
const schedule = input("schedule", [3]);
const error = add(multiply(x, params.weight), scale(y, -1));
const loss = mean(multiply(error, error));
const next = adamWUpdate(grad(loss, params), moments, params, schedule, {
  ...SETTINGS,
  decays: () => false,
});
const plan = await compile(device, { outputs: { loss }, updates: next });

const xs = Float32Array.from({ length: 64 * 3 }, (_, i) => Math.sin(i));
const ys = xs.map((value, i) => value * (1 + (i % 3))); // the weight to find is [1, 2, 3]
plan.run({ x: xs, y: ys });
for (let step = 1; step <= STEPS; step++)
  plan.run({ schedule: adamWSchedule(step, 0.05, SETTINGS) });

const { weight } = await readState(device, params);
console.log("weight", Array.from(weight.data, (value) => value.toFixed(2)).join(" "));
device.close();
