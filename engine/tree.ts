/** Plain nested objects with values at the leaves: parameters, gradients, moments, whole states. */

/**
 * A tree with leaves of type `Leaf`. Leaves are told from branches by `isLeaf` where it matters.
 */
export type Tree<Leaf> = Leaf | readonly Tree<Leaf>[] | { readonly [name: string]: Tree<Leaf> };

/** `T` with every leaf `From` replaced by `To`. */
export type Mapped<T, From, To> = T extends From
  ? To
  : { readonly [K in keyof T]: Mapped<T[K], From, To> };

/** Tensors and host arrays are leaves: what has a shape. */
const isLeaf = (node: unknown): boolean =>
  typeof node !== "object" || node === null || "shape" in node;

/**
 * Apply `f` to every leaf.
 *
 * @param path  names from the root to the leaf, joined by "."
 */
export function mapTree<T, From, To>(
  tree: T,
  f: (leaf: From, path: string) => To,
  path = "",
): Mapped<T, From, To> {
  if (isLeaf(tree)) return f(tree as unknown as From, path) as Mapped<T, From, To>;
  const join = (name: string) => (path ? `${path}.${name}` : name);
  const entries = Object.entries(tree as object).map(
    ([name, child]) => [name, mapTree(child, f, join(name))] as const,
  );
  const mapped = Array.isArray(tree) ? entries.map(([, v]) => v) : Object.fromEntries(entries);
  return mapped as Mapped<T, From, To>;
}

/** Every leaf with its path, in the tree's order. */
export function leaves<Leaf>(tree: unknown): [path: string, leaf: Leaf][] {
  const found: [string, Leaf][] = [];
  mapTree(tree, (leaf: Leaf, path) => found.push([path, leaf]));
  return found;
}

/**
 * The tree whose leaf at each path is the entry of that name.
 *
 * @throws  Error naming the first path without an entry
 */
export function rebuild<T, From, To>(
  tree: T,
  entries: ReadonlyMap<string, To>,
): Mapped<T, From, To> {
  return mapTree(tree, (_: From, path) => {
    const entry = entries.get(path);
    if (entry === undefined)
      throw new Error(`rebuild: every leaf must have an entry; ${path} has none; add it`);
    return entry;
  });
}
