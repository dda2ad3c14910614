// nearest_split — the pool in chunks, one thread per query and chunk, joined in order afterwards.
//
//   s[b,p]      = Σ_d queries[b,d] · pool[p,d]
//   score[b,c]  = max s[b,p] over the rows p of chunk c;  index[b,c] = the lowest p that reaches it
//
//   queries, pool  f32[B, D], f32[P, D]
//   score, index   f32, u32[B, chunks]    nearest_merge joins them
//
// B · chunks threads keep a whole GPU at work. The chunks are joined in the order of the pool, so
// the lowest index still wins a tie, and every run gives the same.
//
// Source: derived here.

const WG: u32 = 64; // threads per workgroup
const CHUNK: u32 = 128; // rows of a thread
const LOWEST: f32 = -3.4028234663852886e38; // of f32

struct Params { B: u32, P: u32, D: u32, chunks: u32 }

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
  var place = id.y * CHUNK;
  for (var p = id.y * CHUNK; p < min((id.y + 1u) * CHUNK, params.P); p++) {
    var sum = 0.0;
    for (var d = 0u; d < params.D; d++) {
      sum = fma(queries[b * params.D + d], pool[p * params.D + d], sum);
    }
    let won = sum > best;
    best = select(best, sum, won);
    place = select(place, p, won);
  }
  score[b * params.chunks + id.y] = best;
  index[b * params.chunks + id.y] = place;
}
