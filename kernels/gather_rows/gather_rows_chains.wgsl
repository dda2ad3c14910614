// gather_rows_chains — for each place in ids, the next place with the same id; for each id, its first.
//
//   next[i]        = min { j > i : ids[j] = ids[i] }    or count where there is none
//   first[ids[i]]  = i                                  if no earlier place has that id
//
//   ids, next  u32[count]
//   first      u32[rows]     written only at ids that occur; the rest holds anything
//
// One thread per place, which looks forwards and backwards until it meets its id: an id costs a walk
// over all of ids once, so the work is at most 2 · count · (distinct ids) comparisons. No two threads
// write one element. A reader of first[v] must check that it holds a place whose id is v: then it is
// the first, since that place's thread wrote it (the sparse set of the source, which needs no
// clearing).
//
// Source: Briggs & Torczon 1993, "An efficient representation for sparse sets", ACM LOPLAS 2(1–4).

const WG: u32 = 64; // threads per workgroup

struct Params { rows: u32, count: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read_write> next: array<u32>;
@group(0) @binding(3) var<storage, read_write> first: array<u32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = linear_workgroup(group, groups) * WG + thread;
  if (i >= params.count) {
    return;
  }
  let id = ids[i];
  var j = i + 1u;
  while (j < params.count && ids[j] != id) {
    j++;
  }
  next[i] = j;
  var k = i;
  while (k > 0u && ids[k - 1u] != id) {
    k--;
  }
  if (k == 0u && id < params.rows) {
    first[id] = i;
  }
}
