def draw_patient(*a): return b"x"
