// index — the number of a workgroup in a grid made by spread() (kernels/kernel.ts).

fn linear_workgroup(id: vec3<u32>, count: vec3<u32>) -> u32 {
  return id.x + id.y * count.x;
}
