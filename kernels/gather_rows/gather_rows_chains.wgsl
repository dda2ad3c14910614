// gather_rows_chains — where each place's id occurs next, and where each id occurs first.
//
//   next[i]        = min { j > i : ids[j] = ids[i] }    or count where there is none
//   first[ids[i]]  = i                                  if no earlier place has that id
//
//   ids, next  u32[count]    quads holds ids again, VECTOR at a time (without the remainder)
//   first      u32[rows]     written only at ids that occur; the rest holds anything
//
// One thread per place, which looks forwards and backwards, VECTOR places at a time, until it
// meets its id. Only an id's two ends walk over all of ids: about 2 · count · (distinct ids)
// comparisons. No two threads write one element. A reader of first[v] must check that it holds a
// place whose id is v: then it is the first, since that place's thread wrote it (the sparse set of
// the source, which needs no clearing).
//
// Source: Briggs & Torczon 1993, "An efficient representation for sparse sets", ACM LOPLAS 2(1–4).

const WG: u32 = 64; // threads per workgroup
const VECTOR: u32 = 1; // elements of a VectorU32
alias VectorU32 = u32;

struct Params { rows: u32, count: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read> quads: array<VectorU32>;
@group(0) @binding(3) var<storage, read_write> next: array<u32>;
@group(0) @binding(4) var<storage, read_write> first: array<u32>;

// The first place from `start` on whose id is `id`, or count.
fn place_after(start: u32, id: u32) -> u32 {
  var j = start;
  while (j % VECTOR != 0u && j < params.count && ids[j] != id) {
    j++;
  }
  if (j % VECTOR == 0u) {
    while (j + VECTOR <= params.count && all(quads[j / VECTOR] != VectorU32(id))) {
      j += VECTOR;
    }
  }
  while (j < params.count && ids[j] != id) {
    j++;
  }
  return j;
}

// One more than the last place before `end` whose id is `id`, or 0.
fn place_before(end: u32, id: u32) -> u32 {
  var k = end;
  while (k % VECTOR != 0u && ids[k - 1u] != id) {
    k--;
  }
  if (k % VECTOR == 0u) {
    while (k > 0u && all(quads[k / VECTOR - 1u] != VectorU32(id))) {
      k -= VECTOR;
    }
  }
  while (k > 0u && ids[k - 1u] != id) {
    k--;
  }
  return k;
}

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
  next[i] = place_after(i + 1u, id);
  if (id < params.rows && place_before(i, id) == 0u) {
    first[id] = i;
  }
}
