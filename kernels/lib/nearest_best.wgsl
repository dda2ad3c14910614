// nearest_best — the best and the second best score of a search, kept while rows go by.
//
// A tie goes to the lowest place if rows come in order. Where the kernel does not ask for the
// second (SECOND), the compiler drops it.

const LOWEST: f32 = -3.4028234663852886e38; // of f32

// The best score of four queries, its place in the part, and the second best.
struct Best { score: vec4<f32>, place: vec4<u32>, second: vec4<f32> }

const NOTHING = Best(vec4(LOWEST), vec4(0u), vec4(LOWEST));

// Take the scores of the part's row `place` into the best; `rows` of its rows take part.
fn keep(best: Best, scores: vec4<f32>, place: u32, rows: u32) -> Best {
  let score = select(vec4(LOWEST), scores, vec4(place < rows));
  let won = score > best.score;
  let second = max(best.second, min(best.score, score));
  return Best(select(best.score, score, won), select(best.place, vec4(place), won), second);
}

fn join(best: Best, other: Best) -> Best {
  let tie = (other.score == best.score) & (other.place < best.place);
  let won = (other.score > best.score) | tie;
  let second = max(max(best.second, other.second), min(best.score, other.score));
  return Best(select(best.score, other.score, won), select(best.place, other.place, won), second);
}
