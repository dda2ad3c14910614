// matmul_naive — one thread per result, which reads a row of a and a column of b from memory.
//
//   y[i, m, n] = Σ_k a[i, m, k] · b[i, k, n]
//
//   a, b, y  f32[batches, M, K], f32[batches, K, N], f32[batches, M, N]
//
// 8 bytes are loaded for each multiply-add, and every element of a and b is loaded N and M times.
//
// Source: derived here.

const WG: u32 = 16; // threads along each side

struct Params { M: u32, N: u32, K: u32, batches: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG, WG)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= params.N || id.y >= params.M) {
    return;
  }
  let row = (id.z * params.M + id.y) * params.K;
  let column = id.z * params.K * params.N + id.x;
  var sum = 0.0;
  for (var k = 0u; k < params.K; k++) {
    sum = fma(a[row + k], b[column + k * params.N], sum);
  }
  y[(id.z * params.M + id.y) * params.N + id.x] = sum;
}
