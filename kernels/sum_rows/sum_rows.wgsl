// sum_rows — sums of consecutive rows of a matrix, column by column.
//
//   y[s,c] = Σ_{r = s·span}^{min((s+1)·span, rows)−1} x[r,c]
//
//   x  f32[rows, cols · VECTOR]
//   y  f32[ceil(rows / span), cols · VECTOR]
//
// One thread per Vector of y; threads of a workgroup take neighbouring columns, so reads coalesce.
// Each sum runs over its rows in order; a second launch over y adds the partial sums, again in
// order. Rounding error is at most (span + rows/span) units in the last place of the sum of
// magnitudes.

const WG: u32 = 32; // threads per workgroup: Vectors of columns it covers
const VECTOR: u32 = 1; // elements of a Vector
alias Vector = f32;

struct Params { rows: u32, cols: u32 /* Vectors */, span: u32 /* rows per sum */ }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Vector>;
@group(0) @binding(2) var<storage, read_write> y: array<Vector>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let c = group.x * WG + thread;
  if (c >= params.cols) {
    return;
  }
  let first = group.y * params.span;
  let end = min(first + params.span, params.rows);
  var sum = Vector();
  for (var r = first; r < end; r++) {
    sum += x[r * params.cols + c];
  }
  y[group.y * params.cols + c] = sum;
}
