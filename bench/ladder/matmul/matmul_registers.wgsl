// matmul_registers — 4 × 4 results per thread, kept in registers: 8 loads for 16 multiply-adds.
//
//   y[i, m, n] = Σ_k a[i, m, k] · b[i, k, n]
//
//   a, b, y  f32[batches, M, K], f32[batches, K, N], f32[batches, M, N]
//
// The tile of a workgroup is 64 × 64 now, so memory is read a quarter as often again, and what a
// thread reads from workgroup memory serves four multiply-adds: 2 bytes for each.
//
// Source: derived here.

const SIDE: u32 = 16; // threads along each side of the tile, and terms at a time
const EACH: u32 = 4; // results of a thread along each side, SIDE apart
const TILE: u32 = SIDE * EACH;

struct Params { M: u32, N: u32, K: u32, batches: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

var<workgroup> left: array<array<f32, TILE>, SIDE>; // [term][row]
var<workgroup> right: array<array<f32, TILE>, SIDE>; // [term][column]

fn stage(corner: vec2<u32>, sheet: u32, first: u32, thread: vec2<u32>) {
  for (var i = 0u; i < EACH; i++) {
    let m = min(corner.y + thread.y + i * SIDE, params.M - 1u);
    let k = first + thread.x;
    let at = (sheet * params.M + m) * params.K + min(k, params.K - 1u);
    left[thread.x][thread.y + i * SIDE] = select(0.0, a[at], k < params.K);
  }
  for (var j = 0u; j < EACH; j++) {
    let n = min(corner.x + thread.x + j * SIDE, params.N - 1u);
    let k = first + thread.y;
    let at = (sheet * params.K + min(k, params.K - 1u)) * params.N + n;
    right[thread.y][thread.x + j * SIDE] = select(0.0, b[at], k < params.K);
  }
}

@compute @workgroup_size(SIDE, SIDE)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let thread = local.xy;
  let corner = group.xy * TILE;
  var sums = array<array<f32, EACH>, EACH>(); // [row][column]
  for (var first = 0u; first < params.K; first += SIDE) {
    stage(corner, group.z, first, thread);
    workgroupBarrier();
    for (var k = 0u; k < SIDE; k++) {
      for (var i = 0u; i < EACH; i++) {
        let x = left[k][thread.y + i * SIDE];
        for (var j = 0u; j < EACH; j++) {
          sums[i][j] = fma(x, right[k][thread.x + j * SIDE], sums[i][j]);
        }
      }
    }
    workgroupBarrier();
  }
  for (var i = 0u; i < EACH; i++) {
    let m = corner.y + thread.y + i * SIDE;
    for (var j = 0u; j < EACH; j++) {
      let n = corner.x + thread.x + j * SIDE;
      if (m < params.M && n < params.N) {
        y[(group.z * params.M + m) * params.N + n] = sums[i][j];
      }
    }
  }
}
