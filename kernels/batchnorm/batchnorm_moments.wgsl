// batchnorm_moments — mean and squared deviation of each column of x, over parts of `span` rows.
//
//   mean[p,c]    = Σ_r x[r,c] / n                 r over the n rows of part p
//   squares[p,c] = Σ_r (x[r,c] − mean[p,c])²
//
//   x              f32[rows, cols · VECTOR], or f16
//   mean, squares  f32[ceil(rows / span), cols · VECTOR]    for batchnorm_merge
//
// One thread per part and VECTOR columns; neighbours take neighbouring columns, then the next
// part. One read of x: deviations are taken from the part's first row s, and squares = Σ(x − s)² −
// (Σ(x − s))² / n. What cancels is n · (mean − s)², about the size of the result, since s is a
// sample of the column itself: an offset of the whole column, however large, does not enter. Sums
// run over the rows in order. Error, in units in the last place: of mean at most n of Σ|x − s| / n,
// and one of its own; of squares 3n + 6 of Σ(x − s)².
//
// Source: Chan, Golub & LeVeque 1983, "Algorithms for computing the sample variance: analysis and
// recommendations", Am. Stat. 37(3), on shifted data.

const WG: u32 = 64; // threads per workgroup
const VECTOR: u32 = 1; // elements of a Vector
alias Vector = f32;
const ELEMENT_X: u32 = 32; // bits of an element of x: 16 where it is f16
alias ElemX = f32;
alias VectorX = ElemX;

struct Params { rows: u32, cols: u32 /* Vectors in a row */, span: u32 /* rows per part */ }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<VectorX>;
@group(0) @binding(2) var<storage, read_write> mean: array<Vector>;
@group(0) @binding(3) var<storage, read_write> squares: array<Vector>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let at = linear_workgroup(group, groups) * WG + thread;
  let part = at / params.cols;
  let c = at - part * params.cols;
  let first = part * params.span;
  if (first >= params.rows) {
    return;
  }
  let end = min(first + params.span, params.rows);
  let shift = Vector(x[first * params.cols + c]);
  var sum = Vector(0);
  var sum_squares = Vector(0);
  for (var r = first + 1u; r < end; r++) {
    let d = Vector(x[r * params.cols + c]) - shift;
    sum += d;
    sum_squares += d * d;
  }
  let part_mean = sum / f32(end - first);
  mean[at] = shift + part_mean;
  squares[at] = max(sum_squares - sum * part_mean, Vector(0));
}
