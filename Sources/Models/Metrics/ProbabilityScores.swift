import Glibc

/// Mean of −log of the probability given to what came; probabilities are kept off 0 and 1 by 2⁻⁵², as
/// scikit-learn has it.
package func logLoss(labels: [UInt8], probabilities: [Double]) -> Double {
    rowLosses(labels: labels, probabilities: probabilities).reduce(0, +) / Double(labels.count)
}

/// −log of the probability given to what came, by row.
func rowLosses(labels: [UInt8], probabilities: [Double]) -> [Double] {
    let least = Double.ulpOfOne
    return labels.indices.map { row in
        let probability = min(max(probabilities[row], least), 1 - least)
        return -log(labels[row] != 0 ? probability : 1 - probability)
    }
}

/// Mean squared difference of the probability and what came (Brier 1950).
package func brierScore(labels: [UInt8], probabilities: [Double]) -> Double {
    var sum = 0.0
    for row in labels.indices {
        let difference = probabilities[row] - (labels[row] != 0 ? 1 : 0)
        sum += difference * difference
    }
    return sum / Double(labels.count)
}

/// What came beside what was said, in equal bands of probability.
package struct ReliabilityTable: Sendable, Equatable {
    package struct Band: Sendable, Equatable {
        package var from: Double
        package var to: Double
        package var rows: Int
        /// Mean probability said; nil without rows.
        package var predicted: Double?
        /// Share that came; nil without rows.
        package var observed: Double?
    }

    package let bands: [Band]

    /// - Parameter probabilities: 0…1, shape [n].
    package init(labels: [UInt8], probabilities: [Double], bands count: Int = 10) {
        var rows = [Int](repeating: 0, count: count)
        var said = [Double](repeating: 0, count: count)
        var came = [Int](repeating: 0, count: count)
        for row in labels.indices {
            let band = min(count - 1, max(0, Int(probabilities[row] * Double(count))))
            rows[band] += 1
            said[band] += probabilities[row]
            came[band] += labels[row] != 0 ? 1 : 0
        }
        bands = (0..<count).map { band in
            let known = rows[band] > 0
            return Band(
                from: Double(band) / Double(count), to: Double(band + 1) / Double(count), rows: rows[band],
                predicted: known ? said[band] / Double(rows[band]) : nil,
                observed: known ? Double(came[band]) / Double(rows[band]) : nil)
        }
    }

    /// Mean distance of what was said from what came, by row (expected calibration error).
    package var error: Double {
        let total = bands.reduce(0) { $0 + $1.rows }
        let sum = bands.reduce(0) { sum, band in
            sum + Double(band.rows) * abs((band.predicted ?? 0) - (band.observed ?? 0))
        }
        return total > 0 ? sum / Double(total) : 0
    }
}
