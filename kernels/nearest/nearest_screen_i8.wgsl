// nearest_screen_i8 — over rows of integers: bounds of the best scores of each part of a pool.
//
//   found[b,c] as in nearest_screen_f16
//
//   queries, pool              u32[B, 4 · depth], u32[P, 4 · depth]    integers, four to a word
//   query_bounds, pool_bounds  f32[B, 3], f32[P, 3]    of quantise_rows
//   count                      u32[…]                  filled = min(count[count_at], P)
//   found                      u32[B, parts, 4]        three of them bits of f32
//
// The bound and its proof: nearest_screened. Sums are below 2³¹ and exact (product_packed);
// becoming f32 rounds them once. A quarter is read of what nearest reads of the pool, and four
// products are one instruction where the device has it; WGSL has it everywhere.

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> queries: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> pool: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> query_bounds: array<f32>;
@group(0) @binding(4) var<storage, read> pool_bounds: array<f32>;
@group(0) @binding(5) var<storage, read> count: array<u32>;
@group(0) @binding(6) var<storage, read_write> found: array<vec4<u32>>;

fn query_sixteen(b: u32, k: u32) -> vec4<u32> {
  return queries[min(b, params.B - 1u) * params.depth + k];
}

fn pool_sixteen(p: u32, k: u32) -> vec4<u32> {
  return pool[min(p, params.window_rows - 1u) * params.depth + k];
}
