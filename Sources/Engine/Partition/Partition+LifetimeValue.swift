import Core
import Models

extension Partition {
    /// Takes a model into use; nothing of a user changes but what is shown.
    func adoptLifetimeValue(_ bytes: [UInt8], version: Int) throws(StateError) {
        preserveAll { $0.pointee.has(UserRecord.converted) }
        try lifetimeValue.adopt(bytes, version: version)
    }

    /// What a buyer is worth at each horizon; nil while no model is in use.
    func lifetimeValue(_ rfm: UserView.RFM) -> UserView.LifetimeValue? {
        guard let model = lifetimeValue.model else { return nil }
        func at(_ days: Int) -> UserView.LifetimeValue.Horizon {
            let one = model.predict(
                frequency: Double(rfm.frequency), recency: Double(rfm.recencyDays),
                age: Double(max(rfm.ageDays, rfm.recencyDays)), monetaryValue: rfm.monetaryValue,
                horizonDays: Double(days))
            return UserView.LifetimeValue.Horizon(
                days: days, value: one.value, expectedPurchases: one.expectedPurchases, scaled: one.scaled)
        }
        return UserView.LifetimeValue(
            probabilityAlive: model.purchases.probabilityAlive(
                frequency: Double(rfm.frequency), recency: Double(rfm.recencyDays),
                age: Double(max(rfm.ageDays, rfm.recencyDays))),
            main: at(model.horizon),
            further: model.horizons.map(\.days).filter { $0 != model.horizon }.map(at))
    }

    /// What moved a buyer's value away from that of a buyer of the means, money.
    func lifetimeValueReasons(_ rfm: UserView.RFM) -> [Trigger.Reason] {
        guard let model = lifetimeValue.model else { return [] }
        return model.reasons(
            frequency: Double(rfm.frequency), recency: Double(rfm.recencyDays),
            age: Double(max(rfm.ageDays, rfm.recencyDays)), monetaryValue: rfm.monetaryValue
        ).map { Trigger.Reason(feature: $0.feature, value: $0.value, contribution: $0.contribution) }
    }
}
