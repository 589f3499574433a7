import Core
import Engine
import Testing

/// Risk: the settings accept a feature that nothing computes, or refuse one that is there.
struct SegmentFeatureTests {
    @Test(arguments: SettingsKeys.knownFeatures)
    func `a feature that the settings know is computed`(name: String) {
        #expect(SegmentFeature(name) != nil)
    }

    @Test func `a count is a feature for each known event, and for what is beyond the limit none`() {
        let counts = EventNames.known.filter { SegmentFeature($0)?.isCount == true }
        #expect(counts == SettingsKeys.knownFeatures.filter(EventNames.known.contains))
        #expect(counts.count == 9)
        #expect(SegmentFeature("other") == nil)
    }

    @Test func `no two features are the same measure`() {
        let features = SettingsKeys.knownFeatures.compactMap { SegmentFeature($0) }
        #expect(Set(features).count == SettingsKeys.knownFeatures.count)
    }

    @Test func `what users are grouped by without configuration is known`() {
        let known = Set(SettingsKeys.knownFeatures)
        #expect(known.isSuperset(of: Settings.SegmentsModel.defaultFeatures))
    }
}
