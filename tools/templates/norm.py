if norm == NORM_INF:
    bits = magnitude_bits(VECTOR[0])
    for i in range(n):
        bits = max(bits, magnitude_bits(VECTOR[i]))
    RESULT_NORM = from_magnitude_bits(bits, rates)
elif norm == NORM_MIN:
    RESULT_NORM = abs(float(VECTOR[0]))
    for i in range(n):
        size = abs(float(VECTOR[i]))
        if not size >= RESULT_NORM:
            RESULT_NORM = size
            if size != size:
                break
elif norm == NORM_1:
    RESULT_NORM = 0.0
    for i in range(n):
        RESULT_NORM += abs(float(VECTOR[i]))
elif norm == NORM_2:
    RESULT_NORM = 0.0
    for i in range(n):
        RESULT_NORM += float(VECTOR[i]) * float(VECTOR[i])
    RESULT_NORM = math.sqrt(RESULT_NORM)
else:
    RESULT_NORM = 0.0
    for i in range(n):
        RESULT_NORM += abs(float(VECTOR[i])) ** floats[NORM_ORDER]
    RESULT_NORM = RESULT_NORM ** (1.0 / floats[NORM_ORDER])
