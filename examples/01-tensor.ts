/** Describe a computation, make it a plan, run it, read the result. */
import { compile, constant, matmul, openDevice } from "../engine/index.ts";

const device = await openDevice();
const a = constant(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3]);
const b = constant(Float32Array.of(1, 0, 0, 1, 1, 1), [3, 2]);

const plan = await compile(device, { outputs: { product: matmul(a, b) } });
plan.run();
const { product } = await plan.read();
console.log(device.name);
console.log("product", product);
device.close();
