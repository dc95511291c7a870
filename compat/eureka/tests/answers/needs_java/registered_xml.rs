//! What becomes of XML registrations.

use koinon_compat_eureka::Script;

use crate::XML;

const APP: &str = "XSHAPE";
const ID: &str = "host1:xshape:8080";
const OWN: &str = "<dataCenterInfo class=\"com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo\">\
                   <name>MyOwn</name></dataCenterInfo>";
const PORTS: &str = "<port enabled=\"true\">8080</port><securePort enabled=\"false\">443</securePort>";

/// An instance whose parts a test may replace.
struct Parts<'a> {
    id: &'a str,
    status: &'a str,
    ports: &'a str,
    data_center: &'a str,
    more: &'a str,
}

impl Default for Parts<'_> {
    fn default() -> Self {
        Self {
            id: "<instanceId>host1:xshape:8080</instanceId>",
            status: "<status>UP</status>",
            ports: PORTS,
            data_center: OWN,
            more: "",
        }
    }
}

impl Parts<'_> {
    fn text(&self) -> String {
        let Self {
            id,
            status,
            ports,
            data_center,
            more,
        } = self;
        format!(
            "<instance>{id}<hostName>host1</hostName><app>{APP}</app><ipAddr>10.0.0.1</ipAddr>{status}{ports}\
             {data_center}<vipAddress>x</vipAddress><secureVipAddress>x</secureVipAddress>{more}</instance>"
        )
    }
}

fn more(more: &str) -> String {
    Parts {
        more,
        ..Parts::default()
    }
    .text()
}

fn shape(script: &mut Script, title: &str, body: impl Into<Vec<u8>>) {
    script.shape(title, APP, ID, XML, body);
}

/// Protects: XML as people and libraries write it.
#[test]
fn spellings() {
    let mut script = Script::new("xml: spellings");
    shape(&mut script, "plain", more(""));
    shape(
        &mut script,
        "declaration",
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}", more("")),
    );
    shape(
        &mut script,
        "comments",
        format!("<!-- c -->\n{}", more("\n <!-- x --> \n")),
    );
    script.shape("charset", APP, ID, "application/xml; charset=utf-8", more(""));
    shape(&mut script, "unknown element", more("<foo>bar</foo>"));
    shape(&mut script, "unknown elements", more("<foo><bar>1</bar></foo>"));
    shape(&mut script, "twice the same", more("<vipAddress>b</vipAddress>"));
    shape(&mut script, "not closed", "<instance><x>");
    shape(&mut script, "other root", "<foo/>");
    shape(&mut script, "empty", "");
    shape(&mut script, "json inside", "{\"instance\":{}}");
    shape(
        &mut script,
        "document type",
        format!(
            "<!DOCTYPE instance [<!ENTITY e \"boom\">]>{}",
            more("<homePageUrl>&e;</homePageUrl>")
        ),
    );
    script.run();
}

/// Protects: every field of an XML registration.
#[test]
fn fields() {
    let mut script = Script::new("xml: fields");
    for (title, text) in [
        (
            "lease",
            "<leaseInfo><renewalIntervalInSecs>5</renewalIntervalInSecs><durationInSecs>15</durationInSecs>\
                   </leaseInfo><lastDirtyTimestamp>1600000000000</lastDirtyTimestamp>",
        ),
        (
            "metadata",
            "<metadata><zone>z1</zone><management.port>8081</management.port><e></e><f/>\
                      <u>&lt;&amp;&#228;<![CDATA[<x>]]></u></metadata>",
        ),
        ("no metadata", "<metadata/>"),
        (
            "class of metadata",
            "<metadata class=\"java.util.HashMap\"><a>b</a></metadata>",
        ),
        (
            "empty map",
            "<metadata class=\"java.util.Collections$EmptyMap\"/>",
        ),
        ("override", "<overriddenstatus>DOWN</overriddenstatus>"),
        (
            "override in camel case",
            "<overriddenStatus>OUT_OF_SERVICE</overriddenStatus>",
        ),
        (
            "everything",
            "<sid>na</sid><countryId>7</countryId><appGroupName>grp</appGroupName><asgName>asg1</asgName>\
                        <homePageUrl>http://h/</homePageUrl><statusPageUrl>s</statusPageUrl>\
                        <healthCheckUrl>h</healthCheckUrl><secureHealthCheckUrl>sh</secureHealthCheckUrl>\
                        <isCoordinatingDiscoveryServer>false</isCoordinatingDiscoveryServer>\
                        <lastUpdatedTimestamp>5</lastUpdatedTimestamp><lastDirtyTimestamp>6</lastDirtyTimestamp>\
                        <actionType>MODIFIED</actionType>",
        ),
    ] {
        shape(&mut script, title, more(text));
    }
    for (title, status) in [
        ("none", ""),
        ("down", "<status>DOWN</status>"),
        ("wrong", "<status>WRONG</status>"),
    ] {
        shape(
            &mut script,
            &format!("status {title}"),
            Parts {
                status,
                ..Parts::default()
            }
            .text(),
        );
    }
    let no_id = Parts {
        id: "",
        ..Parts::default()
    }
    .text();
    script.shape("no instanceId", APP, "host1", XML, no_id);
    script.run();
}

/// Protects: ports and data centers in XML.
#[test]
fn ports_and_data_centers() {
    let mut script = Script::new("xml: ports and data centers");
    for (title, ports) in [
        ("no attribute", "<port>8080</port><securePort>443</securePort>"),
        ("no ports", ""),
        ("garbage", "<port enabled=\"yes\">x</port>"),
        ("spaces", "<port enabled=\"true\"> 8080 </port>"),
        (
            "disabled",
            "<port enabled=\"false\">80</port><securePort enabled=\"true\">8443</securePort>",
        ),
    ] {
        shape(
            &mut script,
            title,
            Parts {
                ports,
                ..Parts::default()
            }
            .text(),
        );
    }
    for (title, data_center) in [
        (
            "amazon",
            "<dataCenterInfo class=\"com.netflix.appinfo.AmazonInfo\"><name>Amazon</name><metadata>\
                    <instance-id>i-1</instance-id><foo>bar</foo></metadata></dataCenterInfo>",
        ),
        (
            "without class",
            "<dataCenterInfo><name>MyOwn</name></dataCenterInfo>",
        ),
        (
            "unknown class",
            "<dataCenterInfo class=\"x.Y\"><name>MyOwn</name></dataCenterInfo>",
        ),
        ("none", ""),
    ] {
        shape(
            &mut script,
            &format!("data center {title}"),
            Parts {
                data_center,
                ..Parts::default()
            }
            .text(),
        );
    }
    script.run();
}
