/** What libraries written for a browser need in Node: `navigator.gpu`, and eyes on their errors. */

/**
 * Offer it, from our `webgpu` package; which driver answers was settled when our device was opened.
 *
 * @returns  a function that takes it away again: Dawn keeps Node alive while it is referenced
 */
export async function offerGpu(): Promise<() => void> {
  const { create } = await import("webgpu");
  const value = create(process.platform === "linux" ? ["backend=vulkan"] : []);
  if (!("navigator" in globalThis)) {
    // Node 20. jax-js reads the agent; what is asked of it is whether it is a phone's.
    const agent = { userAgent: `Node.js ${process.version}` };
    Object.defineProperty(globalThis, "navigator", { value: agent, configurable: true });
  }
  const { navigator } = globalThis as unknown as { navigator: { gpu?: unknown } };
  Object.defineProperty(navigator, "gpu", { value, configurable: true });
  return () => {
    delete navigator.gpu;
  };
}

/**
 * Watch a device whose library does not: a dispatch that WebGPU refused would look very fast.
 *
 * @returns  a function that throws if the device has reported an error
 */
export function watch(gpu: GPUDevice): () => void {
  let failure: string | undefined;
  gpu.addEventListener("uncapturederror", (event) => {
    failure ??= (event as GPUUncapturedErrorEvent).error.message;
  });
  return () => {
    const message = failure;
    failure = undefined;
    if (message) throw new Error(`WebGPU refused what the library asked for: ${message}`);
  };
}
