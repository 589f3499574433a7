import Glibc

/// Features as linear learners and distances want them: standardised, after a logarithm where chosen.
struct Preprocessing: Sendable, Equatable {
    /// sign(x) · ln(1 + |x|) in place of x.
    var logarithm: Bool
    /// Shape [d], of the training rows, after the logarithm.
    var mean: [Double]
    /// Positive, shape [d].
    var scale: [Double]

    init(logarithm: Bool, mean: [Double], scale: [Double]) {
        self.logarithm = logarithm
        self.mean = mean
        self.scale = scale
    }

    init(_ matrix: FeatureMatrix, rows: [Int], logarithm: Bool) {
        self.init(
            logarithm: logarithm, mean: [Double](repeating: 0, count: matrix.columns),
            scale: [Double](repeating: 1, count: matrix.columns))
        (mean, scale) = table(matrix, rows: rows).standardisation
    }

    @inline(__always)
    func value(_ raw: Float, _ column: Int) -> Double {
        var value = Double(raw)
        if logarithm { value = value < 0 ? -log1p(-value) : log1p(value) }
        return (value - mean[column]) / scale[column]
    }

    func inverse(_ value: Double, _ column: Int) -> Float {
        let plain = value * scale[column] + mean[column]
        guard logarithm else { return Float(plain) }
        return Float(plain < 0 ? -expm1(-plain) : expm1(plain))
    }

    func table(_ matrix: FeatureMatrix, rows: [Int]) -> FeatureTable {
        matrix.values.withUnsafeBufferPointer { values in
            FeatureTable(rows: rows.count, width: matrix.columns) { row, column in
                value(values[rows[row] * matrix.columns + column], column)
            }
        }
    }
}
