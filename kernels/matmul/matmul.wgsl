// matmul — products of matrices, batched, each stored in rows or in columns.
//
//   y[p, i, m, n] = Σ_{k = p·span}^{min((p+1)·span, K)−1} a[i, m, k] · b[i, k, n]
//
//   a  f32[batches, M, K]    element (m, k) at m·aRow + k·aStep: (K, 1), or (1, M) if transposed
//   b  f32[batches, K, N]    element (k, n) at k·bStep + n·bCol: (N, 1), or (1, K) if transposed
//   y  f32[ceil(K / span), batches, M, N]    when span < K, partial sums for sum_rows to add
//
// One thread per ROWS × 4 tile of y, kept in registers; its columns are WGX apart, so that threads
// side by side read and write neighbours. No workgroup memory: caches serve the rows that threads
// share. Rows and columns beyond the edge are read as the last and not stored. Each sum runs over k
// in order; its error is at most span units in the last place of the sum of magnitudes.

const ROWS: u32 = 8; // rows of a thread's tile
const LANES: u32 = 1; // threads that load their rows together (tile_own, tile_subgroup)
const WGX: u32 = 8; // threads along the columns; a multiple of LANES
const WGY: u32 = 8; // threads along the rows

struct Params {
  M: u32, N: u32, K: u32, batches: u32, span: u32 /* of k in a partial sum */,
  aRow: u32, aStep: u32, bStep: u32, bCol: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

// Where this thread's r-th value of a column of `a` begins.
fn a_base(batch: u32, row: u32, lane: u32, r: u32) -> u32 {
  let m = min(row + r * LANES + lane, params.M - 1u);
  return batch * params.M * params.K + m * params.aRow;
}

fn b_base(batch: u32, col: u32, j: u32) -> u32 {
  let n = min(col + j * WGX, params.N - 1u);
  return batch * params.K * params.N + n * params.bCol;
}

fn store(base: u32, m: u32, n: u32, value: f32) {
  if (m < params.M && n < params.N) {
    y[base + m * params.N + n] = value;
  }
}

fn store_row(base: u32, m: u32, col: u32, values: vec4<f32>) {
  store(base, m, col, values[0]);
  store(base, m, col + WGX, values[1]);
  store(base, m, col + 2u * WGX, values[2]);
  store(base, m, col + 3u * WGX, values[3]);
}

@compute @workgroup_size(WGX, WGY)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_id) thread: vec3<u32>,
) {
  let across = (params.N + 4u * WGX - 1u) / (4u * WGX);
  let down = (params.M + ROWS * WGY - 1u) / (ROWS * WGY);
  let index = linear_workgroup(group, groups);
  let sheet = index / (across * down); // a batch of a part
  let part = sheet / params.batches;
  let first = part * params.span;
  if (first >= params.K) {
    return; // uniform over the workgroup
  }
  let batch = sheet % params.batches;
  let row = (index / across % down * WGY + thread.y) * ROWS;
  let col = index % across * 4u * WGX + thread.x;
  let lane = thread.x % LANES;

  var at: array<u32, 8>;
  at[0] = a_base(batch, row, lane, 0u);
  at[1] = a_base(batch, row, lane, 1u);
  at[2] = a_base(batch, row, lane, 2u);
  at[3] = a_base(batch, row, lane, 3u);
  at[4] = a_base(batch, row, lane, 4u);
  at[5] = a_base(batch, row, lane, 5u);
  at[6] = a_base(batch, row, lane, 6u);
  at[7] = a_base(batch, row, lane, 7u);
  let from_0 = b_base(batch, col, 0u);
  let from_1 = b_base(batch, col, 1u);
  let from_2 = b_base(batch, col, 2u);
  let from_3 = b_base(batch, col, 3u);

  var tile: Tile;
  let end = min(first + params.span, params.K);
  for (var k = first; k < end; k++) {
    let ka = k * params.aStep;
    let kb = k * params.bStep;
    var x: array<f32, 8>;
    x[0] = a[at[0] + ka];
    if (ROWS > LANES) {
      x[1] = a[at[1] + ka];
    }
    if (ROWS > 2u * LANES) {
      x[2] = a[at[2] + ka];
      x[3] = a[at[3] + ka];
    }
    if (ROWS > 4u * LANES) {
      x[4] = a[at[4] + ka];
      x[5] = a[at[5] + ka];
      x[6] = a[at[6] + ka];
      x[7] = a[at[7] + ka];
    }
    tile = tile_step(tile, x, vec4(b[from_0 + kb], b[from_1 + kb], b[from_2 + kb], b[from_3 + kb]));
  }

  let base = sheet * params.M * params.N;
  let quads = (min(ROWS, params.M - min(row, params.M)) + 3u) / 4u;
  for (var q = 0u; q < quads; q++) {
    let rows = tile_quad(tile, q);
    store_row(base, row + 4u * q, col, rows[0]);
    store_row(base, row + 4u * q + 1u, col, rows[1]);
    store_row(base, row + 4u * q + 2u, col, rows[2]);
    store_row(base, row + 4u * q + 3u, col, rows[3]);
  }
}
