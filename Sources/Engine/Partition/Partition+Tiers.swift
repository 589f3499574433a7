import Core
import Models

extension Partition {
    /// Takes boundaries into use; nothing of a user changes but what is shown.
    func adoptTiers(_ bytes: [UInt8], version: Int) throws(StateError) {
        preserveAll { $0.pointee.has(UserRecord.converted) }
        try tiers.adopt(bytes, version: version)
    }

    /// A buyer's RFM cell; nil while no boundaries are in use.
    func cell(_ rfm: UserView.RFM) -> String? {
        tiers.model?.cell(
            daysSinceLast: Double(rfm.daysSinceLast), frequency: Double(rfm.frequency),
            monetaryValue: rfm.monetaryValue
        ).text
    }
}
