/// Assigns each row a column of its own at the least total cost: the Hungarian method with potentials
/// (Kuhn 1955, Munkres 1957; shortest augmenting paths as in Jonker and Volgenant 1987).
///
/// - Parameter cost: shape [rows][columns], any sign; what is not finite counts as out of the question. Rows
///   may outnumber columns.
/// - Returns: per row its column, or nil for rows that found none because there are more rows than columns.
///   Among equally good answers always the same one.
/// - Complexity: O(min² · max).
package func optimalAssignment(cost: [[Double]]) -> [Int?] {
    assign(cost.map { $0.map { $0.isFinite ? min(max($0, -1e100), 1e100) : 1e100 } })
}

private func assign(_ cost: [[Double]]) -> [Int?] {
    guard let columns = cost.first?.count, columns > 0 else { return cost.map { _ in nil } }
    guard cost.count <= columns else {
        let transposed = (0..<columns).map { column in cost.map { $0[column] } }
        var answer = [Int?](repeating: nil, count: cost.count)
        for (column, row) in assign(transposed).enumerated() {
            if let row { answer[row] = column }
        }
        return answer
    }
    // Rows and columns count from 1; column 0 is where each augmenting path begins.
    var rowOf = [Int](repeating: 0, count: columns + 1)
    var rowPotential = [Double](repeating: 0, count: cost.count + 1)
    var columnPotential = [Double](repeating: 0, count: columns + 1)
    for row in 1...cost.count {
        augment(
            row: row, cost: cost, rowOf: &rowOf, rowPotential: &rowPotential,
            columnPotential: &columnPotential)
    }
    var answer = [Int?](repeating: nil, count: cost.count)
    for column in 1...columns where rowOf[column] > 0 { answer[rowOf[column] - 1] = column - 1 }
    return answer
}

/// Gives `row` a column along the cheapest path of changes to the rows placed so far.
private func augment(
    row: Int, cost: [[Double]], rowOf: inout [Int], rowPotential: inout [Double],
    columnPotential: inout [Double]
) {
    let columns = rowOf.count - 1
    var least = [Double](repeating: .infinity, count: columns + 1)
    var cameFrom = [Int](repeating: 0, count: columns + 1)
    var done = [Bool](repeating: false, count: columns + 1)
    rowOf[0] = row
    var here = 0
    repeat {
        done[here] = true
        let current = rowOf[here]
        var delta = Double.infinity
        var next = 0
        for column in 1...columns where !done[column] {
            let reduced = cost[current - 1][column - 1] - rowPotential[current] - columnPotential[column]
            if reduced < least[column] {
                least[column] = reduced
                cameFrom[column] = here
            }
            if least[column] < delta {
                delta = least[column]
                next = column
            }
        }
        for column in 0...columns {
            if done[column] {
                rowPotential[rowOf[column]] += delta
                columnPotential[column] -= delta
            } else {
                least[column] -= delta
            }
        }
        here = next
    } while rowOf[here] != 0
    while here != 0 {
        rowOf[here] = rowOf[cameFrom[here]]
        here = cameFrom[here]
    }
}
