// contrastive_loss_pull — the loss's gradient by images or by texts, from a slab of slopes.
//
//   PART 0: d[first + m, e] = Σ_j slope[m,j] · others[j,e]             others are texts
//   PART 1: d[j, e] += Σ_m slope[m,j] · others[first + m, e]           others are images
//           (the first slab, where first = 0, writes d)
//
//   slope      f32[rows, B]    of the images first … first + rows − 1 (contrastive_loss_slope)
//   others     f32[B, E] or f16
//   d          f32[B, E]
//
// One workgroup per tile of d. Each sum runs in order; the error of d is at most B units in the
// last place of the sum of magnitudes, and one more for every slab.

const PART: u32 = 0; // 0: by images; 1: by texts
const VECTOR_LEFT: u32 = 1; // 4 where B is a multiple of it
const VECTOR_RIGHT: u32 = 1; // 4 where E is
alias VectorLeft = f32;
const ELEMENT_OTHERS: u32 = 32; // bits of an element of others: 16 where it is f16
alias ElemOthers = f32;
alias VectorRight = ElemOthers;

struct Params { B: u32, E: u32, first: u32, rows: u32 }

@group(0) @binding(0) var<uniform> uniforms: Params;
@group(0) @binding(1) var<storage, read> slope: array<VectorLeft>;
@group(0) @binding(2) var<storage, read> others: array<VectorRight>;
@group(0) @binding(3) var<storage, read_write> d: array<f32>;

alias Row = u32; // where it begins in slope
alias Column = u32; // its place in a row of others
alias Place = u32; // either
alias Cursor = u32; // k: a text in PART 0, an image of the slab in PART 1
const ONE_TERM: Cursor = 1u;

var<private> params: Params; // a copy: some drivers load a uniform at every use

fn row_of(m: u32) -> Row {
  if (PART == 0u) {
    return min(m, params.rows - 1u) * params.B;
  }
  return min(m, params.B - 1u);
}

fn column_of(e: u32) -> Column {
  return min(e, params.E - 1u) + select(params.first * params.E, 0u, PART == 0u);
}

fn enter_row(row: Row, segment: u32) -> Place { return row; }
fn enter_column(column: Column, segment: u32) -> Place { return column; }
fn cursor_at(k: u32) -> Cursor { return k; }
fn advance(k: Cursor, by: Cursor) -> Cursor { return k + by; }
fn slope_four(at: u32) -> vec4<f32> { return vec4<f32>(slope[at / VECTOR_LEFT]); }

fn other_four(at: u32) -> vec4<f32> {
  return vec4<f32>(vec4<ElemOthers>(others[at / VECTOR_RIGHT]));
}

fn start(columns: vec4<u32>) -> vec4<f32> { return vec4(0.0); }

fn left(row: Place, k: Cursor) -> f32 {
  let at = row + k * select(params.B, 1u, PART == 0u);
  return slope_four(at)[select(at % 4u, 0u, VECTOR_LEFT == 1u)];
}

fn right(column: Place, k: Cursor) -> f32 {
  let at = column + k * params.E;
  return other_four(at)[select(at % 4u, 0u, VECTOR_RIGHT == 1u)];
}

fn left_block(rows: array<Place, 4>, k: Cursor) -> mat4x4<f32> {
  if (PART == 0u) {
    return transpose(mat4x4<f32>(
      slope_four(rows[0] + k), slope_four(rows[1] + k),
      slope_four(rows[2] + k), slope_four(rows[3] + k),
    ));
  }
  let step = params.B;
  let at = rows[0] + k * step;
  return mat4x4<f32>(
    slope_four(at), slope_four(at + step), slope_four(at + 2u * step), slope_four(at + 3u * step),
  );
}

fn right_block(columns: array<Place, 4>, k: Cursor) -> mat4x4<f32> {
  let step = params.E;
  let at = columns[0] + k * step;
  return mat4x4<f32>(
    other_four(at), other_four(at + step), other_four(at + 2u * step), other_four(at + 3u * step),
  );
}

fn store_four(m: u32, first: u32, step: u32, values: vec4<f32>) {
  let rows = select(params.B, params.rows, PART == 0u);
  let row = m + select(0u, params.first, PART == 0u);
  for (var c = 0u; c < STORED; c++) {
    let e = first + c * step;
    if (m < rows && e < params.E) {
      if (PART == 1u && params.first > 0u) {
        d[row * params.E + e] += values[c];
      } else {
        d[row * params.E + e] = values[c];
      }
    }
  }
}

@compute @workgroup_size(WGX, WGY)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_id) thread: vec3<u32>,
) {
  params = uniforms;
  let across = (uniforms.E + WIDTH - 1u) / WIDTH;
  let index = linear_workgroup(group, groups);
  let corner = vec2(index / across * HEIGHT, index % across * WIDTH);
  let terms = select(uniforms.rows, uniforms.B, PART == 0u);
  store_tile(corner, multiply(corner, Span(0u, 1u, 0u, terms), thread.xy), thread.xy);
}
