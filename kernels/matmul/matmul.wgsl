// matmul — products of matrices, batched, each stored in rows or in columns, then bias, activation.
//
//   z[p, i, m, n] = Σ_{k = p·span}^{min((p+1)·span, K)−1} a[i, m, k] · b[i, k, n] + [p = 0] bias[n]
//   y = activate(z)     (kernels/lib/activation.wgsl)
//
//   a     f32[batches, M, K]    element (m, k) at m·aRow + k·aStep: (K, 1), or (1, M) if transposed
//   b     f32[batches, K, N]    element (k, n) at k·bStep + n·bCol: (N, 1), or (1, K) if transposed
//   bias  f32[N]                not read, and any buffer, when BIAS = 0
//   y     f32[ceil(K / span), batches, M, N]    when span < K, partial sums for sum_rows to add
//   z     f32, as y             for the derivative; not written, and any buffer, when KIND < 2
//
// One thread per ROWS × COLS tile of y, kept in registers; its columns are WGX apart, so that
// threads side by side read and write neighbours. No workgroup memory: caches serve the rows that
// threads share. Rows and columns beyond the edge are read as the last and not stored. Each sum
// runs over k in order, the bias first; its error is at most span units in the last place of the
// sum of magnitudes.

const ROWS: u32 = 8; // rows of a thread's tile
const LANES: u32 = 1; // threads that load their rows together (tile_own, tile_subgroup)
const WGX: u32 = 8; // threads along the columns; a multiple of LANES
const WGY: u32 = 8; // threads along the rows
const COLS: u32 = 4; // columns of a thread's tile: 4, or 2 for narrow products
const BIAS: u32 = 0; // 1: add the bias
const KIND: u32 = 0; // 0 no activation, 1 relu, 2 gelu, 3 quick_gelu; 0 when span < K
alias Vector = f32; // what activation.wgsl works on

struct Params {
  M: u32, N: u32, K: u32, batches: u32, span: u32 /* of k in a partial sum */,
  aRow: u32, aStep: u32, bStep: u32, bCol: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<storage, read_write> z: array<f32>;

// Where this thread's r-th row of `a` begins.
fn row_at(row: u32, r: u32) -> u32 {
  return min(row + r * LANES, params.M - 1u) * params.aRow;
}

fn load_a(at: u32, r: u32) -> f32 {
  if (r * LANES >= ROWS) {
    return 0.0; // none of the tile's rows
  }
  return a[at];
}

fn load_b(at: vec4<u32>) -> vec4<f32> {
  if (COLS == 2u) {
    return vec4(b[at.x], b[at.y], 0.0, 0.0);
  }
  return vec4(b[at.x], b[at.y], b[at.z], b[at.w]);
}

fn load_bias(cols: vec4<u32>, part: u32) -> vec4<f32> {
  if (BIAS == 0u || part > 0u) {
    return vec4(0.0);
  }
  let far = select(vec2(0.0), vec2(bias[cols.z], bias[cols.w]), COLS > 2u);
  return vec4(bias[cols.x], bias[cols.y], far);
}

fn store_row(sheet: u32, m: u32, col: u32, values: vec4<f32>) {
  for (var j = 0u; j < COLS; j++) {
    if (m < params.M && col + j * WGX < params.N) {
      let at = (sheet * params.M + m) * params.N + col + j * WGX;
      y[at] = activate(KIND, values[j]);
      if (KIND > 1u) {
        z[at] = values[j];
      }
    }
  }
}

@compute @workgroup_size(WGX, WGY)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_id) thread: vec3<u32>,
) {
  let across = (params.N + COLS * WGX - 1u) / (COLS * WGX);
  let down = (params.M + ROWS * WGY - 1u) / (ROWS * WGY);
  let index = linear_workgroup(group, groups);
  let sheet = index / (across * down); // a batch of a part
  let part = sheet / params.batches;
  let first = part * params.span;
  if (first >= params.K) {
    return; // uniform over the workgroup
  }
  let row = (index / across % down * WGY + thread.y) * ROWS;
  let col = index % across * COLS * WGX + thread.x;
  let m = row + thread.x % LANES;
  let at = array<u32, 8>(
    row_at(m, 0u), row_at(m, 1u), row_at(m, 2u), row_at(m, 3u),
    row_at(m, 4u), row_at(m, 5u), row_at(m, 6u), row_at(m, 7u),
  );
  let cols = tile_cols(col, params.N);
  let matrix = vec2(params.M, params.N) * params.K * (sheet % params.batches); // of a, of b

  var tile = tile_start(load_bias(cols, part));
  let end = min(first + params.span, params.K);
  for (var k = first; k < end; k++) {
    let ka = matrix.x + k * params.aStep;
    let kb = matrix.y + k * params.bStep;
    let values = array<f32, 8>(
      load_a(at[0] + ka, 0u), load_a(at[1] + ka, 1u),
      load_a(at[2] + ka, 2u), load_a(at[3] + ka, 3u),
      load_a(at[4] + ka, 4u), load_a(at[5] + ka, 5u),
      load_a(at[6] + ka, 6u), load_a(at[7] + ka, 7u),
    );
    tile = tile_step(tile, values, load_b(cols * params.bCol + kb));
  }

  let quads = (min(ROWS, params.M - min(row, params.M)) + 3u) / 4u;
  for (var q = 0u; q < quads; q++) {
    let quad = tile_quad(tile, q);
    store_row(sheet, row + 4u * q, col, quad[0]);
    store_row(sheet, row + 4u * q + 1u, col, quad[1]);
    store_row(sheet, row + 4u * q + 2u, col, quad[2]);
    store_row(sheet, row + 4u * q + 3u, col, quad[3]);
  }
}
