/// The lower triangular root of a symmetric positive definite matrix, for solving and inverting.
struct Cholesky {
    private let size: Int
    private let root: [Double]

    /// - Parameter matrix: row after row, shape [size · size]; only its lower triangle is read.
    /// - Returns: nil where the matrix is not positive definite to the accuracy of the numbers.
    init?(_ matrix: [Double], size: Int) {
        var root = matrix
        for column in 0..<size {
            for row in column..<size {
                var sum = root[row * size + column]
                for k in 0..<column { sum -= root[row * size + k] * root[column * size + k] }
                if row == column {
                    guard sum > 1e-13 * matrix[row * size + row], sum.isFinite else { return nil }
                    root[row * size + row] = sum.squareRoot()
                } else {
                    root[row * size + column] = sum / root[column * size + column]
                }
            }
        }
        self.size = size
        self.root = root
    }

    /// x of matrix · x = right.
    func solve(_ right: [Double]) -> [Double] {
        var x = right
        for row in 0..<size {
            for k in 0..<row { x[row] -= root[row * size + k] * x[k] }
            x[row] /= root[row * size + row]
        }
        for row in stride(from: size - 1, through: 0, by: -1) {
            for k in row + 1..<max(row + 1, size) { x[row] -= root[k * size + row] * x[k] }
            x[row] /= root[row * size + row]
        }
        return x
    }

    /// Row after row.
    var inverse: [Double] {
        var inverse = [Double](repeating: 0, count: size * size)
        for column in 0..<size {
            var unit = [Double](repeating: 0, count: size)
            unit[column] = 1
            for (row, value) in solve(unit).enumerated() { inverse[row * size + column] = value }
        }
        return inverse
    }
}
