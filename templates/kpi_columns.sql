SELECT
  {{ name | literal }} AS {{ "kpi" | ident }},
  {{ grain | literal }} AS {{ "grain" | ident }},
  combined.{{ "period" | ident }},
  combined.{{ "segment_by" | ident }},
  combined.{{ "segment" | ident }},
  combined.{{ "numerator" | ident }},
  combined.{{ "denominator" | ident }},
  combined.{{ "value" | ident }},
  combined.{{ "n" | ident }},
  {{ mature }} AS {{ "mature" | ident }},
  combined.{{ "immature" | ident }},
  {{ as_of }} AS {{ "as_of" | ident }}
FROM combined
