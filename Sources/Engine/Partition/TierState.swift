import Core
import Models

/// The tiers in use in a partition: boundaries alone, for a user's levels follow from them and from the
/// user's present values whenever they are asked for.
struct TierState {
    private(set) var model: TiersModel?
    private(set) var version = 0
    private(set) var bytes: [UInt8] = []

    init() {}

    mutating func adopt(_ bytes: [UInt8], version: Int) throws(StateError) {
        do { model = try TiersModel(bytes: bytes) } catch {
            throw StateError("tiers@\(version) does not read back: \(error)")
        }
        self.version = version
        self.bytes = bytes
    }

    /// A buyer's RFM cell; nil while no boundaries are in use.
    func cell(_ rfm: UserView.RFM) -> String? {
        model?.cell(
            daysSinceLast: Double(rfm.daysSinceLast), frequency: Double(rfm.frequency),
            monetaryValue: rfm.monetaryValue
        ).text
    }

    func write(to out: inout ByteWriter) {
        out.put(UInt64(version))
        out.put(bytes)
    }

    init(from input: inout ByteReader) throws(StateError) {
        let version = try input.getSize()
        let bytes = try input.getBlob()
        if !bytes.isEmpty { try adopt(bytes, version: version) }
    }
}

extension Partition {
    /// Takes boundaries into use; nothing of a user changes but what is shown.
    func adoptTiers(_ bytes: [UInt8], version: Int) throws(StateError) {
        preserveAll { $0.pointee.has(UserRecord.converted) }
        try tiers.adopt(bytes, version: version)
    }
}
