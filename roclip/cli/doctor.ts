/** `roclip doctor`: what this machine offers, and whether the engine computes right on it. */
import { cpus, totalmem } from "node:os";
import type { Command } from "commander";
import {
  compile,
  constant,
  type Device,
  keyOf,
  matmul,
  nearest,
  stream,
} from "../../engine/index.ts";
import { UserError } from "../errors.ts";
import { addDeviceOption, type DeviceOptions, openNamedDevice } from "./common.ts";

const SHOWN_LIMITS = [
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupStorageSize",
] as const;
const GIB = 2 ** 30;

function describeMachine(): void {
  const [first] = cpus();
  const memory = (totalmem() / GIB).toFixed(0);
  console.log(`System:  ${process.platform} ${process.arch}, Node ${process.versions.node}`);
  console.log(`CPU:     ${cpus().length} × ${first?.model.trim() ?? "unknown"}, ${memory} GiB`);
}

function describeDevice({ gpu, software }: Device): void {
  for (const name of SHOWN_LIMITS) console.log(`  ${name.padEnd(34)} ${gpu.limits[name]}`);
  for (const feature of ["shader-f16", "subgroups", "timestamp-query"] as const)
    console.log(`  ${feature.padEnd(34)} ${gpu.features.has(feature) ? "yes" : "no"}`);
  if (software)
    console.log(
      "This adapter runs on the CPU. With a GPU and its Vulkan driver training is far faster;\n" +
        "without one, Mesa's llvmpipe (mesa-vulkan-drivers) is faster than SwiftShader.",
    );
}

const SELF_TEST = { rows: 61, pool: 257, width: 40 };
const SELF_TEST_TOLERANCE = 1e-4; // f32 sums over 40 products

/**
 * A product and a pool search against plain loops; the largest error, and whether indices agree.
 */
async function selfTest(device: Device): Promise<void> {
  const { rows, pool, width } = SELF_TEST;
  const draws = stream(keyOf(1));
  const fill = (n: number) => Float32Array.from({ length: n * width }, () => draws.normal());
  const [a, b] = [fill(rows), fill(pool)];
  const [x, y] = [constant(a, [rows, width]), constant(b, [pool, width])];
  const { index } = nearest(x, y);
  const plan = await compile(device, {
    outputs: { scores: matmul(x, y, { transposeB: true }), index },
  });
  plan.run();
  const found = await plan.read();
  plan.destroy();
  for (let i = 0; i < rows; i++) {
    const exact = Array.from({ length: pool }, (_, j) => {
      let sum = 0;
      for (let k = 0; k < width; k++) sum += a[i * width + k]! * b[j * width + k]!;
      return sum;
    });
    const errors = exact.map((s, j) => Math.abs(s - found.scores![i * pool + j]!));
    const best = exact.indexOf(Math.max(...exact));
    if (Math.max(...errors) > SELF_TEST_TOLERANCE || found.index![i] !== best)
      throw new UserError(
        `self-test: the device must agree with the host; row ${i} differs by ` +
          `${Math.max(...errors)}, nearest ${found.index![i]} instead of ${best}; ` +
          "update the driver, or choose another --adapter",
      );
  }
  console.log(`Self-test: a ${rows}×${width}×${pool} product and pool search agree with the host.`);
}

async function runDoctor(options: DeviceOptions): Promise<void> {
  describeMachine();
  const device = await openNamedDevice(options);
  try {
    describeDevice(device);
    await selfTest(device);
  } finally {
    device.close();
  }
}

/** Add the command to the program. */
export function addDoctor(program: Command): void {
  const command = program
    .command("doctor")
    .description("Say which adapter there is, what it offers, and whether it computes right.");
  addDeviceOption(command);
  command.addHelpText(
    "after",
    "\nExamples:\n  roclip doctor\n  roclip doctor --adapter swiftshader",
  );
  command.action(runDoctor);
}
