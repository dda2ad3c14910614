// matmul — products of matrices, batched, each stored in rows or in columns, then what follows.
//
//   z[p, i, m, n] = Σ_{k = p·span}^{min((p+1)·span, K)−1} a[i, m, k] · b[i, k, n] + [p = 0] bias[n]
//   y = activate(z) + residual     (kernels/lib/activation.wgsl)
//
//   a     Elem[batches, M, K]   element (m, k) at m·aRow + k·aStep: (K, 1), or (1, M) if transposed
//   b     Elem[batches, K, N]   element (k, n) at k·bStep + n·bCol: (N, 1), or (1, K) if transposed
//         where heads lie side by side, [batches / heads, M, heads, K], y likewise: heads times
//         these but 1, and a head begins aHead or bHead behind the one before
//   bias  f32[N], residual f32[batches, M, N]    not read, and any buffer, unless BIAS, RESIDUAL
//   y     f32[ceil(K / span), batches, M, N]    when span < K, partial sums for sum_rows to add
//   z     as y, or f16 each     for the derivative; not written, and any buffer, when KIND < 2
//
// One workgroup per tile of y; how it is made is the library's part (product_shared; where
// subgroups are narrow, product_subgroup; where they multiply matrices of f16, product_matrix).
// Rows and columns beyond the edge are read as the last and not stored. Each sum is f32 and,
// product_matrix's aside, runs over k in order, the bias first; its error is at most span units in
// the last place of the sum of magnitudes.

const BIAS: u32 = 0; // 1: add the bias
const KIND: u32 = 0; // 0 no activation, 1 relu, 2 gelu, 3 quick_gelu; 0 when span < K
const RESIDUAL: u32 = 0; // 1: add the residual; 0 when span < K
const ELEMENT: u32 = 32; // bits of an Elem: 16 where a and b are f16
alias Elem = f32;
const VECTOR_LEFT: u32 = 1; // 4 where contiguous rows (columns, if transposed) are multiples of 4
const VECTOR_RIGHT: u32 = 1; // the same of b
alias VectorLeft = Elem;
alias VectorRight = Elem;
alias Vector = f32; // what activation.wgsl and rounded.wgsl work on
const ELEMENT_Y: u32 = 32; // bits of an element of y: 16 where it is f16
alias ElemY = f32;
const ELEMENT_Z: u32 = 32; // the same of z
alias ElemZ = f32;

struct Params {
  M: u32, N: u32, K: u32, batches: u32, span: u32 /* of k in a partial sum */,
  aRow: u32, aStep: u32, bStep: u32, bCol: u32, heads: u32, aHead: u32, bHead: u32,
}

@group(0) @binding(0) var<uniform> uniforms: Params;
@group(0) @binding(1) var<storage, read> a: array<VectorLeft>;
@group(0) @binding(2) var<storage, read> b: array<VectorRight>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read> residual: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<ElemY>;
@group(0) @binding(6) var<storage, read_write> z: array<ElemZ>;

alias Row = u32; // where it begins in a
alias Column = u32; // where it begins in b
alias Place = u32; // either
alias Cursor = u32; // k
const ONE_TERM: Cursor = 1u;

var<private> params: Params; // a copy: some drivers load a uniform at every use
var<private> sheet: u32; // the tile's matrix: a batch of a part

// Where the tile's matrix begins among those of `size` elements, whose heads are `apart`.
fn begin_of(size: u32, apart: u32) -> u32 {
  let head = sheet % params.heads;
  return (sheet % params.batches - head) * size + head * apart;
}

fn row_of(m: u32) -> Row {
  return begin_of(params.M * params.K, params.aHead) + min(m, params.M - 1u) * params.aRow;
}
fn column_of(n: u32) -> Column {
  return begin_of(params.N * params.K, params.bHead) + min(n, params.N - 1u) * params.bCol;
}

fn enter_row(row: Row, segment: u32) -> Place { return row; }
fn enter_column(column: Column, segment: u32) -> Place { return column; }

fn cursor_at(k: u32) -> Cursor { return k; }
fn advance(k: Cursor, by: Cursor) -> Cursor { return k + by; }
fn a_four(at: u32) -> vec4<f32> { return vec4<f32>(vec4<Elem>(a[at / VECTOR_LEFT])); }
fn b_four(at: u32) -> vec4<f32> { return vec4<f32>(vec4<Elem>(b[at / VECTOR_RIGHT])); }

fn left(row: Place, k: Cursor) -> f32 {
  let at = row + k * params.aStep;
  return a_four(at)[select(at % 4u, 0u, VECTOR_LEFT == 1u)];
}

fn right(column: Place, k: Cursor) -> f32 {
  let at = column + k * params.bStep;
  return b_four(at)[select(at % 4u, 0u, VECTOR_RIGHT == 1u)];
}

fn left_block(rows: array<Place, 4>, k: Cursor) -> mat4x4<f32> {
  let step = params.aStep;
  let at = rows[0] + k * step;
  if (step > 1u) {
    return mat4x4<f32>(
      a_four(at), a_four(at + step), a_four(at + 2u * step), a_four(at + 3u * step),
    );
  }
  return transpose(mat4x4<f32>(
    a_four(at), a_four(rows[1] + k), a_four(rows[2] + k), a_four(rows[3] + k),
  ));
}

fn right_block(columns: array<Place, 4>, k: Cursor) -> mat4x4<f32> {
  let step = params.bStep;
  let at = columns[0] + k * step;
  if (step > 1u) {
    return mat4x4<f32>(
      b_four(at), b_four(at + step), b_four(at + 2u * step), b_four(at + 3u * step),
    );
  }
  return transpose(mat4x4<f32>(
    b_four(at), b_four(columns[1] + k), b_four(columns[2] + k), b_four(columns[3] + k),
  ));
}

fn start(columns: vec4<u32>) -> vec4<f32> {
  if (BIAS == 0u || sheet >= params.batches) {
    return vec4(0.0);
  }
  let n = min(columns, vec4(params.N - 1u));
  return vec4(bias[n.x], bias[n.y], bias[n.z], bias[n.w]);
}

fn store_four(m: u32, n: u32, step: u32, values: vec4<f32>) {
  let head = sheet % params.heads;
  let at = ((sheet - head) * params.M + m * params.heads + head) * params.N + n;
  for (var j = 0u; j < STORED; j++) {
    if (m < params.M && n + j * step < params.N) {
      var value = activate(KIND, values[j]);
      if (RESIDUAL == 1u) { value += residual[at + j * step]; }
      y[at + j * step] = ElemY(rounded(value, ELEMENT_Y));
      if (KIND > 1u) {
        z[at + j * step] = ElemZ(rounded(values[j], ELEMENT_Z));
      }
    }
  }
}

fn make_tile(index: u32, thread: vec2<u32>) {
  params = uniforms;
  let across = (uniforms.N + WIDTH - 1u) / WIDTH;
  let down = (uniforms.M + HEIGHT - 1u) / HEIGHT;
  let part = index / (across * down * uniforms.batches);
  let first = part * uniforms.span;
  if (first >= uniforms.K) {
    return; // uniform over the workgroup
  }
  sheet = index / (across * down);
  let corner = vec2(index / across % down * HEIGHT, index % across * WIDTH);
  let end = min(first + uniforms.span, uniforms.K);
  store_tile(corner, multiply(corner, Span(0u, 1u, first, end), thread), thread);
}
