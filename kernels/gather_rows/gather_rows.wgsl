// gather_rows — the rows of a table that ids name.
//
//   y[i,c] = table[ids[i],c]    or 0 where ids[i] ≥ rows
//
//   table  f32[rows, cols · VECTOR]
//   ids    u32[count]
//   y      f32[count, cols · VECTOR]
//
// One thread per VECTOR columns of ITEMS consecutive rows of y; neighbours take neighbouring
// columns. Of the table, window_rows rows from window_first on are bound; ids of other windows are
// left to them, those of no row to the first. A copy.

const WG: u32 = 64; // threads per workgroup
const ITEMS: u32 = 4; // rows per thread
const VECTOR: u32 = 1; // elements of a Vector
alias Vector = f32;

struct Params {
  rows: u32, cols: u32 /* Vectors in a row */, count: u32, window_first: u32, window_rows: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> table: array<Vector>;
@group(0) @binding(2) var<storage, read> ids: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<Vector>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let at = linear_workgroup(group, groups) * WG + thread;
  let chunk = at / params.cols;
  let c = at - chunk * params.cols;
  let end = min((chunk + 1u) * ITEMS, params.count);
  for (var i = chunk * ITEMS; i < end; i++) {
    let id = ids[i];
    let row = id - params.window_first; // wraps to beyond the window for rows before it
    if (id < params.rows && row < params.window_rows) {
      y[i * params.cols + c] = table[row * params.cols + c];
    } else if (id >= params.rows && params.window_first == 0u) {
      y[i * params.cols + c] = Vector(0);
    }
  }
}
