enable subgroups;
// nearest_subgroup — nearest's search with the queries loaded together by a subgroup.
//
// A workgroup is one subgroup of LANES threads, which have the same 16 queries and different rows.
// Each thread loads 16 / LANES of the queries and shuffles give them to the others: on 8 lanes, 6
// loads for 16 × 4 products of vec4. Where threads are vector lanes of a CPU, a load is a load per
// lane and costs as much as some twenty multiply-adds of all lanes, workgroup memory no less.
//
// Needs nearest's constants with QUERIES = 16, ROWS = 4 and LANES, the size of every subgroup: 4,
// 8.

const WG: u32 = LANES;
const SEARCHED: u32 = QUERIES; // queries per workgroup

// [query of the quad][row]
struct Sums { q0: mat4x4<f32>, q4: mat4x4<f32>, q8: mat4x4<f32>, q12: mat4x4<f32> }

// Four queries, whose vec4 are on the lanes from `lane` on, with a quad of rows.
fn add_quad(sums: mat4x4<f32>, x: vec4<f32>, lane: u32, columns: mat4x4<f32>) -> mat4x4<f32> {
  return mat4x4<f32>(
    multiply_add(subgroupShuffle(x, lane), columns, sums[0]),
    multiply_add(subgroupShuffle(x, lane + 1u), columns, sums[1]),
    multiply_add(subgroupShuffle(x, lane + 2u), columns, sums[2]),
    multiply_add(subgroupShuffle(x, lane + 3u), columns, sums[3]),
  );
}

fn keep_quad(best: Best, sums: mat4x4<f32>, place: u32, rows: u32) -> Best {
  let of_row = transpose(sums);
  let two = keep(keep(best, of_row[0], place, rows), of_row[1], place + LANES, rows);
  let three = keep(two, of_row[2], place + 2u * LANES, rows);
  return keep(three, of_row[3], place + 3u * LANES, rows);
}

// Write the best of all lanes; on a tie the lowest place.
fn finish(best: Best, b: u32, chunk: u32, lane: u32) {
  let score = subgroupMax(best.score);
  let place = subgroupMin(select(vec4(CHUNK), best.place, best.score == score));
  if (lane == 0u) {
    write_best(b, chunk, score[0], place[0]);
    write_best(b + 1u, chunk, score[1], place[1]);
    write_best(b + 2u, chunk, score[2], place[2]);
    write_best(b + 3u, chunk, score[3], place[3]);
  }
}

fn query_at(b: u32) -> u32 {
  return min(b, params.B - 1u) * params.depth;
}

fn row_at(p: u32) -> u32 {
  return min(p, params.P - 1u) * params.depth;
}

fn search(first_query: u32, chunk: u32, rows: u32, lane: u32) {
  let b = first_query + lane;
  let queries_at = array(query_at(b), query_at(b + 4u), query_at(b + 8u), query_at(b + 12u));
  var best0 = NOTHING;
  var best4 = NOTHING;
  var best8 = NOTHING;
  var best12 = NOTHING;
  for (var first = 0u; first < rows; first += 4u * LANES) {
    let place = first + lane;
    let p = chunk * CHUNK + place;
    let rows_at =
      array(row_at(p), row_at(p + LANES), row_at(p + 2u * LANES), row_at(p + 3u * LANES));
    var sums = Sums();
    for (var d = 0u; d < params.depth; d++) {
      let columns = transpose(mat4x4<f32>(
        pool[rows_at[0] + d], pool[rows_at[1] + d], pool[rows_at[2] + d], pool[rows_at[3] + d],
      ));
      var x = array<vec4<f32>, 4>(); // of the queries b, b + LANES …
      x[0] = queries[queries_at[0] + d];
      x[1] = queries[queries_at[LANES / 4u] + d];
      if (LANES == 4u) {
        x[2] = queries[queries_at[2] + d];
        x[3] = queries[queries_at[3] + d];
      }
      sums.q0 = add_quad(sums.q0, x[0], 0u, columns);
      sums.q4 = add_quad(sums.q4, x[4u / LANES], 4u % LANES, columns);
      sums.q8 = add_quad(sums.q8, x[8u / LANES], 8u % LANES, columns);
      sums.q12 = add_quad(sums.q12, x[12u / LANES], 12u % LANES, columns);
    }
    best0 = keep_quad(best0, sums.q0, place, rows);
    best4 = keep_quad(best4, sums.q4, place, rows);
    best8 = keep_quad(best8, sums.q8, place, rows);
    best12 = keep_quad(best12, sums.q12, place, rows);
  }
  finish(best0, first_query, chunk, lane);
  finish(best4, first_query + 4u, chunk, lane);
  finish(best8, first_query + 8u, chunk, lane);
  finish(best12, first_query + 12u, chunk, lane);
}
