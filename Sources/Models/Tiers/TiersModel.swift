/// Levels of a buyer among all buyers, by boundaries that stay as they are between refits: a buyer changes
/// level by their own doing and by time, never because others changed.
package struct TiersModel: StoredModel {
    package static let name = "tiers"

    /// What is cut into levels, in the contract's names.
    static let variables = ["days_since_last", "frequency", "monetary_value"]
    /// Levels of each in the RFM cell: R in three, F and M in two.
    static let cellLevels = [3, 2, 2]

    /// Boundaries of the RFM cell, one per variable.
    let cell: [QuantileEdges]

    init(cell: [QuantileEdges]) { self.cell = cell }

    /// A place in the RFM cube; greater is better in each.
    package struct Cell: Sendable, Equatable {
        /// 1…3, 3 the most recent.
        package var recency: Int
        /// 1…2.
        package var frequency: Int
        /// 1…2.
        package var monetary: Int

        /// `R3F2M2`.
        package var text: String { "R\(recency)F\(frequency)M\(monetary)" }
    }

    /// The RFM cell of a buyer.
    ///
    /// - Parameter daysSinceLast: days from the last purchase day to the as-of day.
    /// - Parameter frequency: purchase days − 1.
    /// - Parameter monetaryValue: mean revenue per repeat purchase day, 0 without one.
    package func cell(daysSinceLast: Double, frequency: Double, monetaryValue: Double) -> Cell {
        Cell(
            recency: cell[0].levels + 1 - cell[0].level(of: daysSinceLast),
            frequency: cell[1].level(of: frequency), monetary: cell[2].level(of: monetaryValue))
    }
}

extension TiersModel {
    private static let magic: UInt32 = 0x5249_5452  // RTIR
    private static let version: UInt32 = 1

    /// The model, self-contained; equal models have equal bytes.
    package var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.put(TiersModel.magic)
        writer.put(TiersModel.version)
        for edges in cell { writer.put(edges.values) }
        return writer.bytes
    }

    /// Reads back what `bytes` gave; anything else is refused, never a trap.
    package init(bytes: [UInt8]) throws(CodingFailure) {
        self = try readBytes(bytes) { (reader) throws(CodingFailure) in
            try TiersModel(from: &reader)
        }
    }

    private init(from reader: inout ByteReader) throws(CodingFailure) {
        guard try reader.uint32() == TiersModel.magic else { throw .badMagic }
        let version = try reader.uint32()
        guard version == TiersModel.version else { throw .badVersion(version) }
        var cell: [QuantileEdges] = []
        for levels in TiersModel.cellLevels {
            let at = reader.position
            let values = try reader.doubles()
            guard values.count == levels - 1, values.allSatisfy({ $0.isFinite }),
                zip(values, values.dropFirst()).allSatisfy({ $0 <= $1 })
            else { throw .badValue(at: at) }
            cell.append(QuantileEdges(values))
        }
        try reader.finish()
        self.init(cell: cell)
    }
}
