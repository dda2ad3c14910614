// nearest_screen_f16 — over rows of f16: bounds of the best scores of each part of a pool.
//
//   found[b,c] = of the rows p of part c below filled: the largest bound u[b,p] of a score, the
//                second largest, the first p that reaches the largest, the least its score can be
//                LOWEST, LOWEST, any, LOWEST where there is none
//
//   queries, pool              u32[B, 2 · depth], u32[P, 2 · depth]    f16, two to a word
//   query_bounds, pool_bounds  f32[B, 3], f32[P, 3]    of quantise_rows
//   count                      u32[…]                  filled = min(count[count_at], P)
//   found                      u32[B, parts, 4]        three of them bits of f32
//
// The bound and its proof: nearest_screened. Sums, tiles and windows as in nearest: elements become
// f32 when they are loaded, so that this halves what is read of the pool and saves no arithmetic.

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> queries: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> pool: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read> query_bounds: array<f32>;
@group(0) @binding(4) var<storage, read> pool_bounds: array<f32>;
@group(0) @binding(5) var<storage, read> count: array<u32>;
@group(0) @binding(6) var<storage, read_write> found: array<vec4<u32>>;

fn four_of(words: vec2<u32>) -> vec4<f32> {
  return vec4(unpack2x16float(words.x), unpack2x16float(words.y));
}

fn query_four(at: u32) -> vec4<f32> { return four_of(queries[at]); }
fn pool_four(at: u32) -> vec4<f32> { return four_of(pool[at]); }
