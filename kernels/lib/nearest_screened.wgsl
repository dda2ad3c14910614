// nearest_screened — what nearest_screen_f16 and nearest_screen_i8 make of their sums: a bound.
//
//   s[b,p] ≤ u[b,p] = scale_b · scale_p · Σ_d q[b,d] · q[p,d] + reach[b,p]
//   reach[b,p] = length_b · (error_p + SLACK · length_p) + error_b · length_p
//   found[b,c] = max u, the first p that reaches it, the second largest u, max u − 2 · reach there
//
// for the f32 score s that nearest computes, and u − 2 · reach ≤ s. Proof: with x' what is stored
// of x, x·y − x'·y' = x·(y − y') + (x − x')·y', at most length_x · error_y + error_x · length_y
// (Cauchy and Schwarz). A sum of D products, however they are rounded, is off by (D + 1) · 2⁻²³ of
// length_x · length_y to first order, here and in nearest; scaling and the bound itself round less
// than thirty times more: SLACK = 2⁻²² · (D + 32). What is of second order the lengths cover, which
// are enlarged by more. Rows whose error is not known (quantise_rows) have u = HIGHEST and LOWEST
// below it, so that they are looked at.

const SECOND: u32 = 1; // for nearest_best: kept as well
const HIGHEST: f32 = 3.4028234663852886e38; // of f32
const FAR: f32 = 1.1529215e18; // 2⁶⁰: more than a known reach can be, less than an unknown one
const ROUNDING: f32 = 2.3841858e-7; // 2⁻²²
const EXTRA_TERMS: u32 = 32;

struct Params {
  B: u32, P: u32, D: u32, depth: u32, span: u32, parts: u32, count_at: u32,
  window_first: u32, window_rows: u32,
}

// Bounds of four queries: scales, lengths, errors.
struct Bounds { scale: vec4<f32>, norm: vec4<f32>, error: vec4<f32> }

fn query_bound(b: vec4<u32>, which: u32) -> vec4<f32> {
  let at = 3u * min(b, vec4(params.B - 1u)) + which;
  return vec4(query_bounds[at.x], query_bounds[at.y], query_bounds[at.z], query_bounds[at.w]);
}

// How far the scores of four queries from b on with the window's row p may be off.
fn reach(b: u32, p: u32) -> vec4<f32> {
  let at = 3u * min(p, params.window_rows - 1u);
  let norm = pool_bounds[at + 1u];
  let near = fma(ROUNDING * f32(params.D + EXTRA_TERMS), norm, pool_bounds[at + 2u]);
  let queries = vec4(0u, 1u, 2u, 3u) + b;
  return fma(query_bound(queries, 1u), vec4(near), query_bound(queries, 2u) * norm);
}

fn rated(sums: vec4<f32>, b: u32, p: u32) -> vec4<f32> {
  let far = reach(b, p);
  let scale = pool_bounds[3u * min(p, params.window_rows - 1u)];
  let scales = query_bound(vec4(0u, 1u, 2u, 3u) + b, 0u) * scale;
  return select(fma(sums, scales, far), vec4(HIGHEST), far > vec4(FAR));
}

// Parts are counted from the window's first.
fn write_best(b: u32, part: u32, best: f32, place: u32, second: f32) {
  if (b >= params.B) {
    return;
  }
  let p = part * params.span + place;
  let known = best > LOWEST && best < HIGHEST;
  let least = select(LOWEST, best - 2.0 * reach(b, p).x, known);
  let at = b * params.parts + params.window_first / params.span + part;
  found[at] = vec4(bitcast<vec2<u32>>(vec2(best, second)), params.window_first + p,
                   bitcast<u32>(least));
}

@compute @workgroup_size(WGX, WGY)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) thread: vec3<u32>) {
  let filled = min(count[params.count_at], params.P);
  let first = params.window_first + group.y * params.span;
  let rows = max(filled, first) - first; // of this part and those behind it
  search(group.x * HEIGHT, group.y, min(rows, params.span), thread.xy);
}
