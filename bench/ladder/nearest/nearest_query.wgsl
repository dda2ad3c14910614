// nearest_query — one thread per query, which keeps its best score instead of writing them all.
//
//   score[b] = max_p Σ_d queries[b,d] · pool[p,d];  index[b] = the lowest p that reaches it
//
//   queries, pool  f32[B, D], f32[P, D]
//   score, index   f32, u32[B]
//
// No scores are written, which saves 8 bytes of traffic and 4 of memory for each. But there are
// only B threads, and each loads 8 bytes for a multiply-add.
//
// Source: derived here.

const WG: u32 = 64; // threads per workgroup
const LOWEST: f32 = -3.4028234663852886e38; // of f32

struct Params { B: u32, P: u32, D: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> queries: array<f32>;
@group(0) @binding(2) var<storage, read> pool: array<f32>;
@group(0) @binding(3) var<storage, read_write> score: array<f32>;
@group(0) @binding(4) var<storage, read_write> index: array<u32>;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let b = id.x;
  if (b >= params.B) {
    return;
  }
  var best = LOWEST;
  var place = 0u;
  for (var p = 0u; p < params.P; p++) {
    var sum = 0.0;
    for (var d = 0u; d < params.D; d++) {
      sum = fma(queries[b * params.D + d], pool[p * params.D + d], sum);
    }
    let won = sum > best;
    best = select(best, sum, won);
    place = select(place, p, won);
  }
  score[b] = best;
  index[b] = place;
}
