// gather_rows_grad — the cotangent of gather_rows' table: sums over each row's copies.
//
//   dtable[v,c] = Σ_{i : ids[i] = v} dy[i,c]
//
//   ids, next  u32[count]                     next and first are those of gather_rows_chains
//   first      u32[rows]
//   dy         f32[count, cols · VECTOR]
//   dtable     f32[rows, cols · VECTOR]
//
// One thread per VECTOR columns of ITEMS consecutive rows of dtable. It walks the chain of each
// row's copies: a scatter-add turned into a gather, with no atomics and every sum in the order of
// ids. Rounding error is at most the number of copies in units in the last place of the sum of
// magnitudes.

const WG: u32 = 64; // threads per workgroup
const ITEMS: u32 = 4; // rows per thread
const VECTOR: u32 = 1; // elements of a Vector
alias Vector = f32;

struct Params { rows: u32, cols: u32 /* Vectors in a row */, count: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read> next: array<u32>;
@group(0) @binding(3) var<storage, read> first: array<u32>;
@group(0) @binding(4) var<storage, read> dy: array<Vector>;
@group(0) @binding(5) var<storage, read_write> dtable: array<Vector>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let at = linear_workgroup(group, groups) * WG + thread;
  let chunk = at / params.cols;
  let c = at - chunk * params.cols;
  let end = min((chunk + 1u) * ITEMS, params.rows);
  for (var v = chunk * ITEMS; v < end; v++) {
    var sum = Vector(0);
    var i = first[v];
    if (i < params.count && ids[i] == v) {
      while (i < params.count) {
        sum += dy[i * params.cols + c];
        i = next[i];
      }
    }
    dtable[v * params.cols + c] = sum;
  }
}
