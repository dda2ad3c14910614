// matmul_workgroup — a tile of 16 × 16 results whose operands the workgroup loads once, together.
//
//   y[i, m, n] = Σ_k a[i, m, k] · b[i, k, n]
//
//   a, b, y  f32[batches, M, K], f32[batches, K, N], f32[batches, M, N]
//
// 16 terms at a time go through workgroup memory: every thread brings one element of each operand
// and takes part in 16 multiply-adds with them, so memory is read a sixteenth as often. Workgroup
// memory is now read for every multiply-add: 8 bytes.
//
// Source: derived here.

const TILE: u32 = 16; // results along each side, and terms at a time

struct Params { M: u32, N: u32, K: u32, batches: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

var<workgroup> left: array<array<f32, TILE>, TILE>; // [row][term]
var<workgroup> right: array<array<f32, TILE>, TILE>; // [term][column]

@compute @workgroup_size(TILE, TILE)
fn main(
  @builtin(global_invocation_id) id: vec3<u32>,
  @builtin(local_invocation_id) thread: vec3<u32>,
) {
  let row = (id.z * params.M + min(id.y, params.M - 1u)) * params.K;
  let column = id.z * params.K * params.N + min(id.x, params.N - 1u);
  var sum = 0.0;
  for (var first = 0u; first < params.K; first += TILE) {
    let across = first + thread.x;
    let down = first + thread.y;
    left[thread.y][thread.x] = select(0.0, a[row + min(across, params.K - 1u)], across < params.K);
    right[thread.y][thread.x] =
      select(0.0, b[column + min(down, params.K - 1u) * params.N], down < params.K);
    workgroupBarrier();
    for (var k = 0u; k < TILE; k++) {
      sum = fma(left[thread.y][k], right[k][thread.x], sum);
    }
    workgroupBarrier();
  }
  if (id.x < params.N && id.y < params.M) {
    y[(id.z * params.M + id.y) * params.N + id.x] = sum;
  }
}
