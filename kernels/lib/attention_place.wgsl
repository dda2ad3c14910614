// attention_place — which batch element, head and rows a workgroup of attention has.
//
// Needs `const QUADS: u32`, fours of rows per workgroup, and attention's `params`.

// The head h of batch element b, and the first of 4 · QUADS rows; exists where b does.
struct Place { b: u32, h: u32, first: u32, exists: bool }

// The place of workgroup `index`, where each pair (b, h) has `rows` rows.
fn attention_place(index: u32, rows: u32) -> Place {
  let blocks = (rows + 4u * QUADS - 1u) / (4u * QUADS);
  let pair = index / blocks;
  let b = pair / params.heads;
  let first = (index - pair * blocks) * 4u * QUADS;
  return Place(b, pair - b * params.heads, first, pair < params.pairs);
}

// Four consecutive rows from `first` on, of the `count` rows of batch element b: their numbers
// among the rows of all batch elements. Rows past the last are the last, whose results go unused.
fn attention_rows(b: u32, first: u32, count: u32) -> vec4<u32> {
  return b * count + min(first + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(count - 1u));
}
