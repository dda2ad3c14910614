enable subgroups;
// nearest_subgroup — nearest's search with the queries loaded together by a subgroup.
//
// A workgroup is one subgroup of WGX threads, which have the same 16 queries and different rows.
// Each thread loads 16 / WGX of the queries and broadcasts give them to the others: on 8 lanes, 6
// loads for 16 × 4 products of vec4. Where threads are vector lanes of a CPU, a load is a load per
// lane and costs as much as some twenty multiply-adds of all lanes, workgroup memory no less.

const ROWS: u32 = 16; // queries of a thread
const COLS: u32 = 4; // pool rows of a thread, at a time
const WGX: u32 = 8; // the size of every subgroup: 4 or 8
const WGY: u32 = 1;
const HEIGHT: u32 = ROWS; // queries per workgroup

// [query of the quad][row]
struct Sums { q0: mat4x4<f32>, q4: mat4x4<f32>, q8: mat4x4<f32>, q12: mat4x4<f32> }

// sum[r] + x · (row r of a quad of rows); columns[d][r] is element d of row r.
fn multiply_add(x: vec4<f32>, columns: mat4x4<f32>, sum: vec4<f32>) -> vec4<f32> {
  let two = fma(vec4(x.y), columns[1], fma(vec4(x.x), columns[0], sum));
  return fma(vec4(x.w), columns[3], fma(vec4(x.z), columns[2], two));
}

// Four queries, whose vec4 are on the lanes from `lane` on, with a quad of rows.
fn add_quad(sums: mat4x4<f32>, x: vec4<f32>, lane: u32, columns: mat4x4<f32>) -> mat4x4<f32> {
  return mat4x4<f32>(
    multiply_add(subgroupShuffle(x, lane), columns, sums[0]),
    multiply_add(subgroupShuffle(x, lane + 1u), columns, sums[1]),
    multiply_add(subgroupShuffle(x, lane + 2u), columns, sums[2]),
    multiply_add(subgroupShuffle(x, lane + 3u), columns, sums[3]),
  );
}

// Four queries from b on with four rows of a part, WGX apart; the part begins at `first`.
fn keep_quad(best: Best, sums: mat4x4<f32>, b: u32, first: u32, place: u32, rows: u32) -> Best {
  let of_row = transpose(sums);
  let p = first + place;
  let one = keep(best, rated(of_row[0], b, p), place, rows);
  let two = keep(one, rated(of_row[1], b, p + WGX), place + WGX, rows);
  let three = keep(two, rated(of_row[2], b, p + 2u * WGX), place + 2u * WGX, rows);
  return keep(three, rated(of_row[3], b, p + 3u * WGX), place + 3u * WGX, rows);
}

// Write the best of all lanes; on a tie the lowest place.
fn finish(best: Best, b: u32, part: u32, lane: u32) {
  let score = subgroupMax(best.score);
  let won = best.score == score;
  let place = subgroupMin(select(vec4(0xffffffffu), best.place, won));
  let second = subgroupMax(select(best.score, best.second, won & (best.place == place)));
  if (lane == 0u) {
    write_best(b, part, score[0], place[0], second[0]);
    write_best(b + 1u, part, score[1], place[1], second[1]);
    write_best(b + 2u, part, score[2], place[2], second[2]);
    write_best(b + 3u, part, score[3], place[3], second[3]);
  }
}

fn query_at(b: u32) -> u32 {
  return min(b, params.B - 1u) * params.depth;
}

fn row_at(p: u32) -> u32 {
  return min(p, params.window_rows - 1u) * params.depth;
}

fn search(first_query: u32, part: u32, rows: u32, thread: vec2<u32>) {
  let lane = thread.x;
  let b = first_query + lane;
  let queries_at = array(query_at(b), query_at(b + 4u), query_at(b + 8u), query_at(b + 12u));
  let base = part * params.span;
  var best0 = NOTHING;
  var best4 = NOTHING;
  var best8 = NOTHING;
  var best12 = NOTHING;
  for (var first = 0u; first < rows; first += 4u * WGX) {
    let place = first + lane;
    let p = base + place;
    let rows_at =
      array(row_at(p), row_at(p + WGX), row_at(p + 2u * WGX), row_at(p + 3u * WGX));
    var sums = Sums();
    for (var d = 0u; d < params.depth; d++) {
      let columns = transpose(mat4x4<f32>(
        pool_four(rows_at[0] + d), pool_four(rows_at[1] + d),
        pool_four(rows_at[2] + d), pool_four(rows_at[3] + d),
      ));
      var x = array<vec4<f32>, 4>(); // of the queries b, b + WGX …
      x[0] = query_four(queries_at[0] + d);
      x[1] = query_four(queries_at[WGX / 4u] + d);
      if (WGX == 4u) {
        x[2] = query_four(queries_at[2] + d);
        x[3] = query_four(queries_at[3] + d);
      }
      sums.q0 = add_quad(sums.q0, x[0], 0u, columns);
      sums.q4 = add_quad(sums.q4, x[4u / WGX], 4u % WGX, columns);
      sums.q8 = add_quad(sums.q8, x[8u / WGX], 8u % WGX, columns);
      sums.q12 = add_quad(sums.q12, x[12u / WGX], 12u % WGX, columns);
    }
    best0 = keep_quad(best0, sums.q0, first_query, base, place, rows);
    best4 = keep_quad(best4, sums.q4, first_query + 4u, base, place, rows);
    best8 = keep_quad(best8, sums.q8, first_query + 8u, base, place, rows);
    best12 = keep_quad(best12, sums.q12, first_query + 12u, base, place, rows);
  }
  finish(best0, first_query, part, lane);
  finish(best4, first_query + 4u, part, lane);
  finish(best8, first_query + 8u, part, lane);
  finish(best12, first_query + 12u, part, lane);
}
