/** Dispatches over rows of which no binding holds all: a dispatch for each window of them. */
import { WINDOW_STEP } from "../kernels/kernel.ts";
import { byteLength, type Device } from "./device.ts";
import type { Dispatch, Storage } from "./graph.ts";

/** The storage of every binding of a dispatch. */
const boundBy = ({ kernel, reads, writes }: Dispatch): [string, Storage][] =>
  Object.keys(kernel.bindings).map((name) => [name, (writes[name] ?? reads[name])!.storage]);

function refuse(device: Device, storage: Storage): never {
  throw new Error(
    `plan: a tensor must fit one binding of ${device.bindingBytes} bytes on ${device.name}; ` +
      `${storage.label} has ${byteLength(storage, device.half)}; use a smaller batch or model`,
  );
}

/**
 * A dispatch as a device can bind it: itself, or the same for one window of rows after another, in
 * order, where its kernel can (`Kernel.window`).
 *
 * @throws  Error when a tensor does not fit a binding and the kernel does not know windows of it
 */
export function windowsOf(device: Device, dispatch: Dispatch): Dispatch[] {
  const { kernel, params } = dispatch;
  const bytes = new Map(boundBy(dispatch).map(([name, s]) => [name, byteLength(s, device.half)]));
  const large = boundBy(dispatch).filter(([name]) => bytes.get(name)! > device.bindingBytes);
  const [first] = large;
  if (!first) return [dispatch];
  const { of = [], step = () => WINDOW_STEP } = kernel.window ?? {};
  const whole = large.find(([name]) => !of.includes(name));
  if (whole) refuse(device, whole[1]);
  const all = params.window_rows as number;
  const rowBytes = new Map(of.map((name) => [name, bytes.get(name)! / all]));
  const most = Math.floor(device.bindingBytes / Math.max(...rowBytes.values()));
  const multiple = step(params as never);
  const rows = Math.floor(most / multiple) * multiple;
  if (rows === 0) refuse(device, first[1]);
  return Array.from({ length: Math.ceil(all / rows) }, (_, i) => {
    const window = { window_first: i * rows, window_rows: Math.min(rows, all - i * rows) };
    const ranges = [...rowBytes].map(([name, size]) => [
      name,
      { offset: window.window_first * size, size: window.window_rows * size },
    ]);
    return { ...dispatch, params: { ...params, ...window }, ranges: Object.fromEntries(ranges) };
  });
}
