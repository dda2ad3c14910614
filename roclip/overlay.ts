/** Whether a JSON value is an object of keys. */
export function isTree(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Nested keys of `over` laid over those of `base`; what is not an object of keys replaces. */
export function merged(base: unknown, over: unknown): unknown {
  if (!isTree(base) || !isTree(over)) return over;
  const entries = Object.entries(over).map(([k, v]) => [k, k in base ? merged(base[k], v) : v]);
  return { ...base, ...Object.fromEntries(entries) };
}
