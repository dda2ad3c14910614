// matmul_vectors — the same tile moved four elements at a time: a quarter of the load instructions.
//
//   y[i, m, n] = Σ_k a[i, m, k] · b[i, k, n]
//
//   a, b, y  f32[batches, M, K], f32[batches, K, N], f32[batches, M, N]
//
// Rows of a and of b are read as vec4 where K and N are multiples of 4, and lie in workgroup memory
// as vec4 in any case: a thread takes four rows of a and four of b, each of four elements, for 64
// multiply-adds. The bytes are as many as before; the instructions that move them are not.
//
// Source: derived here.

const VECTOR_LEFT: u32 = 1; // 4 where K is a multiple of 4
const VECTOR_RIGHT: u32 = 1; // 4 where N is
alias VectorLeft = f32;
alias VectorRight = f32;
const SIDE: u32 = 16; // threads along each side of the tile, and terms at a time
const TILE: u32 = 64; // 4 × 4 results per thread
const QUADS: u32 = SIDE / 4u; // of terms

struct Params { M: u32, N: u32, K: u32, batches: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<VectorLeft>;
@group(0) @binding(2) var<storage, read> b: array<VectorRight>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

var<workgroup> left: array<array<vec4<f32>, TILE>, QUADS>; // [quad of terms][row]
var<workgroup> right: array<array<vec4<f32>, SIDE>, SIDE>; // [term][quad of columns]

// Which of the elements at, at + 1 … are below the end.
fn exist(at: u32, end: u32) -> vec4<bool> {
  return vec4(at, at + 1u, at + 2u, at + 3u) < vec4(end);
}

fn a_four(row: u32, k: u32) -> vec4<f32> {
  let at = vec4(row) + min(vec4(k, k + 1u, k + 2u, k + 3u), vec4(params.K - 1u));
  var four = vec4<f32>(a[at.x / VECTOR_LEFT]);
  if (VECTOR_LEFT == 1u) {
    four = vec4(four.x, vec4<f32>(a[at.y]).x, vec4<f32>(a[at.z]).x, vec4<f32>(a[at.w]).x);
  }
  return select(vec4(0.0), four, exist(k, params.K));
}

fn b_four(row: u32, n: u32) -> vec4<f32> {
  let at = vec4(row) + min(vec4(n, n + 1u, n + 2u, n + 3u), vec4(params.N - 1u));
  var four = vec4<f32>(b[at.x / VECTOR_RIGHT]);
  if (VECTOR_RIGHT == 1u) {
    four = vec4(four.x, vec4<f32>(b[at.y]).x, vec4<f32>(b[at.z]).x, vec4<f32>(b[at.w]).x);
  }
  return select(vec4(0.0), four, exist(n, params.N));
}

fn stage(corner: vec2<u32>, sheet: u32, first: u32, piece: u32) {
  let m = min(corner.y + piece / QUADS, params.M - 1u);
  let row = (sheet * params.M + m) * params.K;
  left[piece % QUADS][piece / QUADS] = a_four(row, first + 4u * (piece % QUADS));
  let k = first + piece / SIDE;
  let column = (sheet * params.K + min(k, params.K - 1u)) * params.N;
  let four = b_four(column, corner.x + 4u * (piece % SIDE));
  right[piece / SIDE][piece % SIDE] = select(vec4(0.0), four, k < params.K);
}

@compute @workgroup_size(SIDE, SIDE)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_id) thread: vec3<u32>,
) {
  let corner = group.xy * TILE;
  var sums = array<vec4<f32>, 4>(); // four rows, SIDE apart, of four columns
  for (var first = 0u; first < params.K; first += SIDE) {
    stage(corner, group.z, first, thread.y * SIDE + thread.x);
    workgroupBarrier();
    for (var quad = 0u; quad < QUADS; quad++) {
      let columns = array<vec4<f32>, 4>(
        right[4u * quad][thread.x], right[4u * quad + 1u][thread.x],
        right[4u * quad + 2u][thread.x], right[4u * quad + 3u][thread.x],
      );
      for (var i = 0u; i < 4u; i++) {
        let x = left[quad][thread.y + i * SIDE];
        let two = fma(vec4(x.y), columns[1], fma(vec4(x.x), columns[0], sums[i]));
        sums[i] = fma(vec4(x.w), columns[3], fma(vec4(x.z), columns[2], two));
      }
    }
    workgroupBarrier();
  }
  for (var i = 0u; i < 4u; i++) {
    let m = corner.y + thread.y + i * SIDE;
    for (var j = 0u; j < 4u; j++) {
      let n = corner.x + 4u * thread.x + j;
      if (m < params.M && n < params.N) {
        y[(group.z * params.M + m) * params.N + n] = sums[i][j];
      }
    }
  }
}
